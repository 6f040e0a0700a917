package dev.tandem.bionic

import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonParser
import com.google.gson.JsonPrimitive
import dev.tandem.ffi.DType
import dev.tandem.ffi.DeviceState
import dev.tandem.ffi.InferenceMode
import dev.tandem.ffi.LoadOptions
import dev.tandem.ffi.MemoryPressure
import dev.tandem.ffi.NetworkKind
import dev.tandem.ffi.OfflineBehavior
import dev.tandem.ffi.RunOptions
import dev.tandem.ffi.Sensitivity
import dev.tandem.ffi.ThermalState
import java.io.File
import java.util.Base64

/** A case of `bindings/conformance`, whose README says what it means. */
internal class Case(
    private val json: JsonObject,
) {
    val name: String = json["name"].asString
    val model: String = json["model"].asString
    val call: String = json["call"].asString
    val before: String? = json.text("before")
    val error: String? = expect().text("error")
    val says: List<String> = expect().list("says").map { it.asString }
    val outputs: List<Values> = expect().list("outputs").map { values(it.asJsonObject) }
    val inputs: List<Values> = json.list("inputs").map { values(it.asJsonObject) }
    val tolerance: Double = expect()["tolerance"]?.asDouble ?: 0.0
    val reason: String? = expect().text("reason")

    /** Whether an endpoint of the case has to answer. */
    val needsServer: Boolean
        get() =
            when (call) {
                "offload" -> outputs.isNotEmpty() || error in listOf("model_not_found", "remote_failed")
                "run" -> expect()["placement"]?.asJsonObject?.text("kind") in listOf("in_cloud", "split")
                else -> false
            }

    /** Whether the model is loaded with a manifest of cuts, which these tests do not bring along. */
    val isSplit: Boolean
        get() = json["load"]?.asJsonObject?.has("splits") == true

    fun load(): LoadOptions {
        val load = json["load"]?.asJsonObject ?: return Models.LOAD
        val limits = Models.LOAD.limits.copy(modelBytes = load["model_bytes"]?.asLong?.toULong())
        return Models.LOAD.copy(limits = limits, name = load.text("name"), sha256 = load.text("sha256"))
    }

    fun options(): RunOptions {
        val options = json["options"]?.asJsonObject ?: return Models.RUN
        return Models.RUN.copy(
            mode = options.text("mode")?.let { InferenceMode.valueOf(it.uppercase()) } ?: Models.RUN.mode,
            sensitivity =
                options.text("sensitivity")?.let { Sensitivity.valueOf(it.uppercase()) } ?: Models.RUN.sensitivity,
            privateTensors = options.list("private_tensors").map { it.asString },
            timeoutNs = options["timeout_ms"]?.let { it.asLong.toULong() * 1_000_000uL },
            outputs = options.list("outputs").map { it.asString },
            offline = options.text("offline")?.let { OfflineBehavior.valueOf(it.uppercase()) } ?: Models.RUN.offline,
            endpoint = options.text("endpoint"),
        )
    }

    fun device(): DeviceState? {
        val device = json["device"]?.asJsonObject ?: return null
        return DeviceState(
            // The generated names have no underline before a digit.
            NetworkKind.valueOf(checkNotNull(device.text("network")).uppercase().replace(Regex("_(?=\\d)"), "")),
            device.text("network_id"),
            device.known("metered")?.asBoolean,
            device.known("uplink_bps")?.asLong?.toULong(),
            device.known("downlink_bps")?.asLong?.toULong(),
            device.known("battery_level")?.asFloat,
            device.known("charging")?.asBoolean,
            device.known("low_power_mode")?.asBoolean,
            ThermalState.valueOf(checkNotNull(device.text("thermal")).uppercase()),
            MemoryPressure.valueOf(checkNotNull(device.text("memory")).uppercase()),
        )
    }

    private fun expect() = json["expect"].asJsonObject

    companion object {
        /** The cases of the table in a folder. */
        fun all(folder: File): List<Case> {
            val table = JsonParser.parseString(folder.resolve("cases.json").readText()).asJsonObject
            check(table["version"].asInt == 1) { "version ${table["version"]} of the table" }
            return table.list("cases").map { Case(it.asJsonObject) }
        }

        /** A tensor as the table writes it. */
        fun toJson(values: Values): JsonObject {
            val json = JsonObject()
            json.addProperty("name", values.name)
            json.addProperty("dtype", values.dtype.name.lowercase())
            json.add("shape", array(values.shape.map { JsonPrimitive(it.toLong()) }))
            values.bytes?.let { json.addProperty("base64", Base64.getEncoder().encodeToString(it.toByteArray())) }
            values.strings?.let { json.add("strings", array(it.map { text -> JsonPrimitive(text) })) }
            return json
        }

        fun array(elements: List<JsonElement>) = JsonArray().also { array -> elements.forEach { array.add(it) } }

        private fun values(json: JsonObject) =
            Values(
                json["name"].asString,
                DType.valueOf(json["dtype"].asString.uppercase()),
                json.list("shape").map { it.asLong.toULong() },
                json.text("base64")?.let { Base64.getDecoder().decode(it).toList() },
                json["strings"]?.let { json.list("strings").map { text -> text.asString } },
            )

        private fun JsonObject.known(name: String) = this[name]?.takeUnless { it.isJsonNull }

        private fun JsonObject.text(name: String) = known(name)?.asString

        private fun JsonObject.list(name: String) = this[name]?.asJsonArray?.toList().orEmpty()
    }
}
