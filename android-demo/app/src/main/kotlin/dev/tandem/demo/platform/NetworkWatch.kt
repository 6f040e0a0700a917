package dev.tandem.demo.platform

import android.content.Context
import android.net.ConnectivityManager
import android.net.Network
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.flow.conflate
import kotlinx.coroutines.flow.distinctUntilChanged

/** Whether there is a network, now and whenever that changes. */
fun networkAvailability(context: Context): Flow<Boolean> =
    callbackFlow {
        val service = context.applicationContext.getSystemService(ConnectivityManager::class.java)
        val connectivity = checkNotNull(service) { "every device has a connectivity service" }
        val callback =
            object : ConnectivityManager.NetworkCallback() {
                override fun onAvailable(network: Network) {
                    trySend(true)
                }

                override fun onLost(network: Network) {
                    trySend(false)
                }
            }
        trySend(connectivity.activeNetwork != null)
        connectivity.registerDefaultNetworkCallback(callback)
        awaitClose { connectivity.unregisterNetworkCallback(callback) }
    }.conflate().distinctUntilChanged()
