//! How many connections each machine has open, so that one that only holds them cannot take them all from the others.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The open connections of each machine.
#[derive(Clone, Debug)]
pub(crate) struct Shares {
    most: usize,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A machine's right to one connection; dropped with it.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Shares,
    machine: IpAddr,
}

impl Shares {
    /// At most this many for each.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            taken: Arc::default(),
        }
    }

    /// A share for whoever is at this address, if it has fewer than it may.
    pub(crate) fn take(&self, address: IpAddr) -> Option<Share> {
        let machine = machine(address);
        let mut taken = self.taken();
        let count = taken.entry(machine).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(taken);
        Some(Share {
            shares: self.clone(),
            machine,
        })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        if let Some(count) = taken.get_mut(&self.machine) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.machine);
            }
        }
    }
}

/// Whoever has an address of IPv6 has the 2^64 beside it, too (RFC 4291, section 2.5.4).
fn machine(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_machine_takes_nothing_from_another_and_gives_back_what_it_leaves() {
        let shares = Shares::new(2);
        let take = |address: &str| shares.take(address.parse().expect("an address"));
        let one = take("192.0.2.1").expect("the first");
        let two = take("::ffff:192.0.2.1").expect("the same machine");
        assert!(take("192.0.2.1").is_none());
        let other = take("192.0.2.2").expect("another machine");
        let six = [take("2001:db8::1"), take("2001:db8::2:3")];
        assert!(six.iter().all(Option::is_some));
        assert!(take("2001:db8::4").is_none(), "the same network");
        assert!(take("2001:db8:0:1::4").is_some(), "another network");
        drop(one);
        assert!(take("192.0.2.1").is_some());
        drop((two, other, six));
        assert!(shares.taken().is_empty(), "nobody is remembered");
    }
}
