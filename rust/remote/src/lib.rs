//! Open Inference Protocol v2 client: runs a model on an endpoint.
