package dev.tandem.demo.model

import dev.tandem.ErrorCode
import dev.tandem.InferenceMode
import dev.tandem.Placement
import dev.tandem.Reason
import dev.tandem.Sensitivity
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test

class DrawModelTest {
    private suspend fun DrawModel.answer() = checkNotNull(state.until { it.answer != null && !it.isBusy }.answer)

    @Test
    fun `every example is read as what it shows`() =
        withModels { scope ->
            val model = DrawModel(engine(), scope, mapOf("example" to "0"))
            for (digit in 0..9) {
                model.showExample()
                val answer = model.answer()
                assertEquals(digit, answer.digit)
                assertEquals(1f, answer.probabilities.sum(), 1e-3f)
                assertEquals(Placement.OnDevice, answer.placement)
                assertEquals(setOf(Phase.DEVICE), answer.phases.keys - Phase.REST)
                assertEquals(answer.total, answer.phases.values.reduce { sum, time -> sum + time })
                model.clear()
            }
            assertNull(model.state.value.answer)
        }

    @Test
    fun `strokes are read when the pen is lifted`() =
        withModels { scope ->
            val model = DrawModel(engine(), scope)
            for (stroke in Examples.of(4).strokes) {
                model.penDown(stroke.first())
                stroke.forEach(model::penMoved)
                model.penUp()
            }
            assertEquals(4, model.answer().digit)
        }

    @Test
    fun `the cloud answers where it is preferred, and tells each phase`() =
        withModels { scope ->
            val model = DrawModel(engine(requireServer()), scope)
            model.setMode(InferenceMode.PREFER_IN_CLOUD)
            model.showExample()
            val answer = model.answer()
            assertEquals(Placement.InCloud(CloudSettings.NAME), answer.placement)
            assertTrue(answer.phases.keys.containsAll(listOf(Phase.ENCODE, Phase.UPLOAD, Phase.SERVER)))
        }

    @Test
    fun `what is private stays, and what must go out fails`() =
        withModels { scope ->
            val model = DrawModel(engine(requireServer()), scope)
            model.setSensitivity(Sensitivity.PRIVATE)
            model.setMode(InferenceMode.PREFER_IN_CLOUD)
            model.showExample()
            assertEquals(Placement.OnDevice, model.answer().placement)
            model.setMode(InferenceMode.ONLY_IN_CLOUD)
            val trouble = model.state.until { it.trouble != null }.trouble
            assertEquals(ErrorCode.POLICY_DENIED, trouble?.code)
        }

    @Test
    fun `where the endpoint does not answer this device does`() =
        withModels { scope ->
            val model = DrawModel(engine(NOWHERE), scope)
            model.setMode(InferenceMode.PREFER_IN_CLOUD)
            model.showExample()
            val answer = model.answer()
            assertEquals(Placement.OnDevice, answer.placement)
            assertEquals(Reason.FALLBACK, answer.reason)
            assertTrue(answer.fallbackCause.orEmpty().isNotEmpty())
        }

    @Test
    fun `a saved state is taken up again`() =
        withModels { scope ->
            val model = DrawModel(engine(), scope)
            model.setSensitivity(Sensitivity.INTERNAL)
            model.setMode(InferenceMode.ONLY_ON_DEVICE)
            model.showExample()
            val again = DrawModel(engine(), scope, model.saveState())
            assertEquals(
                Ink.decode(
                    model.state.value.ink
                        .encode(),
                ),
                again.state.value.ink,
            )
            assertEquals(InferenceMode.ONLY_ON_DEVICE, again.state.value.mode)
            assertEquals(Sensitivity.INTERNAL, again.state.value.sensitivity)
            assertEquals(model.answer().digit, again.answer().digit)
        }
}
