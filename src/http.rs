//! The daemon over HTTP: routes, feeds, uploads, downloads, and the page at `/`.
//!
//! *Theory of operation.* [`listen`] binds, [`serve`] accepts: our own loop around `warp::service`, so that sockets get
//! their options and limits. A request passes three warp filters in [`filters`]: what it says becomes a `Call`, the
//! [`guard`] checks Host, Origin and token, and the [`routes`] table finds its one row. The row's handler answers from the
//! [`api::Backend`] or refuses with a [`refusal::Refusal`], which is always a problem document (RFC 9457). What JSON the
//! daemon ever shows is made in [`view`] and described, from the same types and the same table, by [`openapi`].
//!
//! Nothing here decides anything about jobs, and nothing here keeps state but the counts of streams and requests.

pub mod api;
pub mod config;
mod connection;
pub mod listen;
mod patience;
mod room;
pub mod serve;
mod share;
pub mod tls;

pub mod filters;
pub mod guard;
pub mod session;

pub mod call;
mod head;
pub mod query;
pub mod refusal;
pub mod reply;

mod assets;
pub mod content;
pub mod gauges;
pub mod handlers;
pub mod metrics;
pub mod openapi;
mod pack;
pub mod page;
pub mod picture;
pub mod problems;
pub mod route;
pub mod routes;
mod seats;
pub mod slot;
mod strangers;
pub mod upload;
pub mod view;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
