//! The private tensors of a run: that they exist, and which cuts keep them.

use tandem_core::{CancellationToken, Error, InputError, Interrupt, RunError, RunOptions, TensorInfo};

use crate::model::Shared;

impl Shared {
    /// Checks that every private tensor exists: a name that means nothing protects nothing. The first run that names one
    /// inside the graph reads the model again, and finds out which cuts keep it.
    pub(crate) fn know_private(&self, options: &RunOptions) -> Result<(), Error> {
        for name in options.private_tensors.iter().filter(|name| self.info.input(name).is_none()) {
            let known = match &self.splits {
                None => self.info.output(name).is_some(),
                Some(splits) => {
                    let token = CancellationToken::child_of([&options.token, &self.closing]);
                    let has = splits.has_tensor(name, &token);
                    has.map_err(|detail| self.unreadable(name, &detail, &options.token))?
                }
            };
            if !known {
                let known = self.what_may_be_private();
                return Err(InputError::UnknownPrivateTensor { name: name.clone(), known }.into());
            }
        }
        Ok(())
    }

    fn unreadable(&self, name: &str, detail: &str, token: &CancellationToken) -> Error {
        if self.closing.is_cancelled() {
            return Error::Closed("model");
        }
        if token.is_cancelled() {
            return RunError::from(Interrupt::Cancelled).into();
        }
        let detail = format!("what becomes of tensor {name:?} cannot be found out: {detail}");
        RunError::Internal { detail }.into()
    }

    fn what_may_be_private(&self) -> String {
        let names = |tensors: &[TensorInfo]| {
            let names: Vec<_> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
            names.join(", ")
        };
        let (inputs, outputs) = (names(&self.info.inputs), names(&self.info.outputs));
        let inside = if self.splits.is_some() { "" } else { "; its cuts are not loaded" };
        format!("its inputs are {inputs}, its outputs {outputs}{inside}")
    }
}
