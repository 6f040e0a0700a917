package dev.tandem.demo.model

import dev.tandem.demo.model.CloudSettings.Problem
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Test

class CloudSettingsTest {
    private fun problem(settings: CloudSettings) = settings.problem { it == "127.0.0.1" }

    @Test
    fun `what cannot work is refused before anything is sent`() {
        assertNull(problem(CloudSettings()))
        assertNull(problem(CloudSettings("https://models.example.com")))
        assertNull(problem(CloudSettings("http://127.0.0.1:8000")))
        assertEquals(Problem.CLEARTEXT, problem(CloudSettings("http://models.example.com")))
        assertEquals(Problem.NO_SCHEME, problem(CloudSettings("models.example.com")))
        assertEquals(Problem.NO_SCHEME, problem(CloudSettings("ftp://models.example.com")))
        assertEquals(Problem.NO_HOST, problem(CloudSettings("https://")))
        assertEquals(Problem.NO_HOST, problem(CloudSettings("https://a b")))
        val settings = CloudSettings("https://models.example.com", trustAnchors = "MIIB")
        assertEquals(Problem.NO_CERTIFICATE, problem(settings))
    }

    @Test
    fun `a token is in no text`() {
        val settings = CloudSettings("https://models.example.com", token = "secret")
        assertFalse("secret" in settings.toString())
        assertFalse("secret" in settings.toEndpoint().toString())
    }
}
