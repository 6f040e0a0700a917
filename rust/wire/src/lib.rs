//! Open Inference Protocol v2 messages: tensors to bytes and back, JSON and binary. No sockets.
