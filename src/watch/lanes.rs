//! How the folders' news come to the scheduler: each folder has a lane of its own, and they are heard in turns.
//!
//! A folder whose lane is full waits; another one's news pass by it. So what a burst in one folder has to tell holds up nothing of
//! another by more than one update a turn.

use crate::watch::update::WatchUpdate;
use std::future::poll_fn;
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

/// Updates of a folder that wait to be heard; its thread waits for room in it.
const LANE: usize = 64;

/// Where folders get their lanes. One message a folder that is watched, so the channel needs no bound.
#[derive(Clone, Debug)]
pub(crate) struct Opener(mpsc::UnboundedSender<mpsc::Receiver<WatchUpdate>>);

/// What all folders tell.
#[derive(Debug)]
pub struct Lanes {
    opened: mpsc::UnboundedReceiver<mpsc::Receiver<WatchUpdate>>,
    lanes: Vec<mpsc::Receiver<WatchUpdate>>,
    /// Whose turn it is.
    next: usize,
}

impl Opener {
    /// A lane for one folder.
    pub(crate) fn open(&self) -> mpsc::Sender<WatchUpdate> {
        let (sender, lane) = mpsc::channel(LANE);
        // Where nobody hears any more, the folder finds its lane closed.
        let _ = self.0.send(lane);
        sender
    }
}

impl Lanes {
    pub(crate) fn new() -> (Opener, Self) {
        let (opener, opened) = mpsc::unbounded_channel();
        let lanes = Self {
            opened,
            lanes: Vec::new(),
            next: 0,
        };
        (Opener(opener), lanes)
    }

    /// The next update; `None` once no folder is watched and none will be. Nothing is lost where this is not waited for to its end.
    pub async fn recv(&mut self) -> Option<WatchUpdate> {
        poll_fn(|context| self.poll(context)).await
    }

    /// An update that waits already.
    pub fn try_recv(&mut self) -> Option<WatchUpdate> {
        while let Ok(lane) = self.opened.try_recv() {
            self.lanes.push(lane);
        }
        self.ask(mpsc::Receiver::try_recv)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<WatchUpdate>> {
        let all_opened = loop {
            match self.opened.poll_recv(context) {
                Poll::Ready(Some(lane)) => self.lanes.push(lane),
                Poll::Ready(None) => break true,
                Poll::Pending => break false,
            }
        };
        let heard = self.ask(|lane| match lane.poll_recv(context) {
            Poll::Ready(update) => update.ok_or(TryRecvError::Disconnected),
            Poll::Pending => Err(TryRecvError::Empty),
        });
        if heard.is_some() || (all_opened && self.lanes.is_empty()) {
            return Poll::Ready(heard);
        }
        Poll::Pending
    }

    /// Asks the lanes in turns, up to the first that has something.
    fn ask(
        &mut self,
        mut ask: impl FnMut(&mut mpsc::Receiver<WatchUpdate>) -> Result<WatchUpdate, TryRecvError>,
    ) -> Option<WatchUpdate> {
        let mut asked = 0;
        while asked < self.lanes.len() {
            self.next %= self.lanes.len();
            match ask(&mut self.lanes[self.next]) {
                Ok(update) => {
                    self.next += 1;
                    return Some(update);
                }
                Err(TryRecvError::Empty) => {
                    self.next += 1;
                    asked += 1;
                }
                // Its folder is not watched any more. Who stood behind it stands in its place.
                Err(TryRecvError::Disconnected) => drop(self.lanes.remove(self.next)),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(pipeline: &str) -> WatchUpdate {
        WatchUpdate::Existing {
            pipeline: pipeline.to_owned(),
            files: Vec::new(),
        }
    }

    fn heard(update: Option<WatchUpdate>) -> Option<String> {
        match update? {
            WatchUpdate::Existing { pipeline, .. } => Some(pipeline),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_full_lane_holds_up_nobody_else() {
        let (opener, mut lanes) = Lanes::new();
        let (burst, lone) = (opener.open(), opener.open());
        while burst.try_send(update("burst")).is_ok() {}
        let mut order = Vec::new();
        for _ in 0..3 {
            lone.try_send(update("lone")).expect("it has its own room");
            order.extend(heard(lanes.try_recv()));
            order.extend(heard(lanes.try_recv()));
        }
        assert_eq!(order, ["burst", "lone", "burst", "lone", "burst", "lone"]);
        let mut left = 0;
        while heard(lanes.try_recv()).is_some() {
            left += 1;
        }
        assert_eq!(left, LANE - 3);
    }

    #[tokio::test]
    async fn who_waits_hears_of_new_lanes_and_of_the_end() {
        let (opener, mut lanes) = Lanes::new();
        let told = tokio::spawn(async move {
            let first = opener.open();
            first.send(update("first")).await.expect("heard");
            drop(first);
            let second = opener.open();
            second.send(update("second")).await.expect("heard");
        });
        assert_eq!(heard(lanes.recv().await).as_deref(), Some("first"));
        assert_eq!(heard(lanes.recv().await).as_deref(), Some("second"));
        told.await.expect("no panic");
        assert_eq!(heard(lanes.recv().await), None);
    }
}
