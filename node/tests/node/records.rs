//! The record store: who may bring what, who gets it, and that nothing that was withdrawn is ever served again.

mod bucket;
mod clinic;
mod cut_off;
mod deliveries;
mod elsewhere;
mod keeping;
mod links;
mod strangers;
