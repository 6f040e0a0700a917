package dev.tandem

import kotlin.time.Duration

/**
 * How long the parts of an exchange with an endpoint took, and how many bytes travelled.
 *
 * @property encode making the request's bytes from the tensors.
 * @property connect making the connection, TLS included; zero where one was open.
 * @property upload from the first byte of the request to the last.
 * @property wait from the last byte of the request to the answer's head.
 * @property download from the answer's head to its last byte.
 * @property decode checking the answer and making tensors from it.
 * @property server what the server says it computed, where it says so.
 * @property queue how long the server says that the request waited there for its turn, where it says so.
 * @property requestBytes bytes of the request's body.
 * @property answerBytes bytes of the answer's body.
 */
public data class RemoteTiming(
    val encode: Duration,
    val connect: Duration,
    val upload: Duration,
    val wait: Duration,
    val download: Duration,
    val decode: Duration,
    val server: Duration?,
    val queue: Duration?,
    val requestBytes: Long,
    val answerBytes: Long,
)

/**
 * How long a run took.
 *
 * @property total from the call to the result, on the native side.
 * @property device computing on this device, where it did.
 * @property remote the exchange with the endpoint, where there was one.
 */
public data class Timing(
    val total: Duration,
    val device: Duration?,
    val remote: RemoteTiming?,
)

/**
 * What one node of the graph cost.
 *
 * @property name the node's name. Nodes that the engine made or fused carry the name of one that they came from.
 * @property operator the engine's name of the operator.
 * @property time how long it ran.
 * @property outputBytes bytes of its outputs.
 */
public data class NodeProfile(
    val name: String,
    val operator: String,
    val time: Duration,
    val outputBytes: Long,
)

/**
 * What one run of a model cost, node by node in the order in which they ran.
 *
 * @property nodes the nodes.
 * @property total the whole run, what lies between the nodes included.
 * @property peakBytes the most bytes of intermediate tensors that were alive at once; weights are not among them.
 */
public data class Profile(
    val nodes: List<NodeProfile>,
    val total: Duration,
    val peakBytes: Long,
)
