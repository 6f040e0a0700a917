//! A repository that `tandem split` wrote, served as it is.

use tandem::split::Backend;
use tandem::{Endpoint, Runtime};

use crate::split_runs;
use crate::world::Repository;

#[test]
fn head_here_and_tail_there_are_as_near_to_the_whole_as_the_manifest_says() {
    for backend in [Backend::OnnxRuntime, Backend::Python] {
        let repository = Repository::new();
        split_runs::write(repository.path(), backend, &split_runs::ALL, 3);
        let world = repository.serve();
        let url = format!("http://{}", world.address());
        let runtime = Runtime::builder().endpoint(Endpoint::new("cloud", url)).build().unwrap();
        let (near, wrong) = split_runs::run_all(&runtime, "cloud", world.repository.path(), &split_runs::ALL);
        assert!(wrong.is_empty(), "{backend:?}:\n{}", wrong.join("\n"));
        assert!(near > 40, "{near} runs");
    }
}
