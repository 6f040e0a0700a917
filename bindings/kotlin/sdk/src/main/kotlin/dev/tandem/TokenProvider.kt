package dev.tandem

/** Gives the bearer token for the requests to an endpoint. */
public fun interface TokenProvider {
    /**
     * The token; a new one where [refresh] is set, because the endpoint has refused the last.
     *
     * Called on a worker thread before a request; may block. Any number of calls may come at once. Whatever it throws
     * becomes the sentence of the call's error.
     */
    public fun token(refresh: Boolean): String
}
