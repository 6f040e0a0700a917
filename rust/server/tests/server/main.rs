//! A server on a free port, real sockets, real models.

mod agreement;
mod batching;
mod bounds;
mod fuzz;
mod http;
mod lifecycle;
mod malformed;
mod offload;
mod protocol;
mod raw;
mod repository;
mod security;
mod statistics;
mod world;
