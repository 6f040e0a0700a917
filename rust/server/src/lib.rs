//! Open Inference Protocol v2 server over the Tandem runtime: the embedded cloud.
