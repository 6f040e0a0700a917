package dev.tandem.demo.model

import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test

class SettingsModelTest {
    private val store = MemoryStore(CloudSettings(NOWHERE, token = "kept"))
    private val engine = Engine(fileAssets, store)

    private suspend fun SettingsModel.tested(): Connection {
        test()
        return state.until { it.connection !is Connection.Testing && it.connection !is Connection.Untested }.connection
    }

    @Test
    fun `what was kept is shown, and what is saved is kept`() =
        withModels { scope ->
            val model = SettingsModel(engine, { true }, scope)
            assertEquals(
                "kept",
                model.state
                    .until { it.isLoaded }
                    .form.token,
            )
            model.edit { it.copy(url = "https://models.example.com") }
            assertFalse(model.state.value.isSaved)
            model.save()
            model.state.until { it.isSaved }
            assertEquals("https://models.example.com", store.settings.url)
            assertEquals(store.settings, engine.settings())
        }

    @Test
    fun `what is wrong is said and not kept`() =
        withModels { scope ->
            val model = SettingsModel(engine, { false }, scope)
            model.state.until { it.isLoaded }
            model.edit { it.copy(url = "http://models.example.com") }
            model.save()
            assertEquals(CloudSettings.Problem.CLEARTEXT, model.state.value.problem)
            assertEquals(NOWHERE, store.settings.url)
            model.edit { it.copy(url = "https://models.example.com") }
            assertEquals(null, model.state.value.problem)
        }

    @Test
    fun `a connection is tested without being kept`() =
        withModels { scope ->
            val url = requireServer()
            val model = SettingsModel(engine, { true }, scope)
            model.state.until { it.isLoaded }
            model.edit { CloudSettings(url) }
            assertTrue(model.tested() is Connection.Ready)
            assertEquals(NOWHERE, store.settings.url)
            model.edit { CloudSettings(NOWHERE) }
            assertTrue(model.tested() is Connection.Failed)
        }

    @Test
    fun `what was being entered survives the end of the process`() =
        withModels { scope ->
            val model = SettingsModel(engine, { true }, scope)
            model.state.until { it.isLoaded }
            assertEquals(emptyMap<String, String>(), model.saveState())
            val entered = CloudSettings("https://models.example.com", "t", "-----BEGIN CERTIFICATE-----", true)
            model.edit { entered }
            val again = SettingsModel(engine, { true }, scope, model.saveState())
            assertEquals(entered, again.state.value.form)
            assertFalse(again.state.value.isSaved)
        }
}
