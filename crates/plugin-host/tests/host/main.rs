//! The host's promises, each tried through the vtables that plugins get.

mod aside;
mod astray;
mod carried;
mod corpus;
mod crypt_filters;
mod documents;
mod encryption;
mod handles;
mod loading;
mod model;
mod objects;
mod oddities;
mod pages;
mod poison;
mod resting;
mod samples;
mod script;
mod streams;
mod transactions;
mod views;
