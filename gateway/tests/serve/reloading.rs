//! Another configuration while it runs.

use crate::setup::{ANY_PORT, Setup, ask, config, until};
use http::StatusCode;
use std::path::{Path, PathBuf};
use tidegate_gateway::serve::reload::Reloader;

/// A gateway that goes by a file.
struct Filed {
    setup: Setup,
    folder: tempfile::TempDir,
}

impl Filed {
    async fn new() -> Self {
        let setup = Setup::new().await;
        let folder = tempfile::tempdir().unwrap();
        let filed = Self { setup, folder };
        filed.write("a.toml", &filed.text());
        filed
    }

    fn text(&self) -> String {
        config(ANY_PORT, &self.setup.mock.url(), "")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn watch(&self, path: &Path) {
        let reloader = Reloader::new(path.to_owned());
        tokio::spawn(reloader.run(self.setup.server.gateway().clone(), self.setup.server.ending()));
    }

    fn generation(&self) -> u64 {
        self.setup.server.gateway().state.live().generation
    }

    fn plan(&self, key: &str) -> String {
        self.setup
            .server
            .gateway()
            .state
            .live()
            .keys
            .named(key)
            .map(|(_, known)| known.plan_name.clone())
            .unwrap_or_default()
    }
}

/// A text in which `one` has the large plan.
fn upgraded(text: &str) -> String {
    text.replacen("\"small\"", "\"large\"", 1)
}

#[tokio::test]
async fn a_plan_changes_from_the_next_call_on_and_what_was_used_stays_used() {
    let filed = Filed::new().await;
    filed.watch(&filed.path("a.toml"));
    for _ in 0..100 {
        assert_eq!(filed.setup.chat("sk-one", &ask("")).await.status, StatusCode::OK);
    }
    assert_eq!(filed.setup.chat("sk-one", &ask("")).await.status, StatusCode::TOO_MANY_REQUESTS);
    filed.write("a.toml", &upgraded(&filed.text()));
    until("the file is read", || filed.generation() == 2).await;
    let reply = filed.setup.chat("sk-one", &ask("")).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!((reply.field("x-ratelimit-limit"), reply.field("x-ratelimit-remaining")), ("1000", "899"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_symbolic_link_that_is_swapped_is_another_file() {
    use std::os::unix::fs::symlink;
    let filed = Filed::new().await;
    // As Kubernetes mounts a ConfigMap: the file is a link into a folder that is itself a link.
    for (folder, text) in [("v1", filed.text()), ("v2", upgraded(&filed.text()))] {
        std::fs::create_dir(filed.path(folder)).unwrap();
        filed.write(&format!("{folder}/gateway.toml"), &text);
    }
    symlink("v1", filed.path("..data")).unwrap();
    symlink("..data/gateway.toml", filed.path("gateway.toml")).unwrap();
    filed.watch(&filed.path("gateway.toml"));
    symlink("v2", filed.path("..next")).unwrap();
    std::fs::rename(filed.path("..next"), filed.path("..data")).unwrap();
    until("the other file is read", || filed.plan("one") == "large").await;
    // The file may be gone for a while.
    std::fs::remove_file(filed.path("..data")).unwrap();
    symlink("v1", filed.path("..data")).unwrap();
    until("the first is read again", || filed.plan("one") == "small").await;
}

/// Who copies a file and then gives it to the gateway's user leaves its content and its time as they are: it was read too early, and
/// never again.
#[cfg(unix)]
#[tokio::test]
async fn a_file_is_read_again_when_only_who_may_read_it_has_changed() {
    use std::os::unix::fs::PermissionsExt;
    let filed = Filed::new().await;
    filed.watch(&filed.path("a.toml"));
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(filed.path("a.toml"), mode).unwrap();
    until("the file is read", || filed.generation() == 2).await;
}

#[tokio::test]
async fn a_wrong_file_changes_nothing() {
    let filed = Filed::new().await;
    filed.watch(&filed.path("a.toml"));
    let text = filed.text();
    for wrong in [text.replacen("\"small\"", "\"smal\"", 1), "no TOML".into(), String::new()] {
        filed.write("a.toml", &wrong);
        // Two looks, and some.
        tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
        assert_eq!((filed.generation(), filed.plan("one").as_str()), (1, "small"));
        assert_eq!(filed.setup.chat("sk-one", &ask("")).await.status, StatusCode::OK);
    }
    filed.write("a.toml", &upgraded(&text));
    until("the right one is read", || filed.plan("one") == "large").await;
    assert_eq!(filed.setup.used("sk-one").0, 3);
}

#[tokio::test]
async fn all_that_can_change_does_and_the_rest_is_told() {
    let setup = Setup::with("[guard]\ntolerance = 3\n").await;
    let gateway = setup.server.gateway();
    let read = |text: &str| tidegate_gateway::serve::config::Config::parse("t.toml", text).unwrap();
    let same = config(ANY_PORT, &setup.mock.url(), "[guard]\ntolerance = 3\n");
    let before = gateway.guard().unwrap();
    assert_eq!(gateway.change(read(&same)).unwrap(), [""; 0]);
    assert!(std::sync::Arc::ptr_eq(&before, &gateway.guard().unwrap()), "its blocks stand on");

    let more = "[guard]\ntolerance = 9\n[headers]\nsets = [\"openai\"]\n[bounds]\nbody_bytes = 10\nconnections = 7\n";
    let words = gateway.change(read(&config("127.0.0.1:1", &setup.mock.url(), more))).unwrap();
    for field in ["`listen`", "`bounds.connections`", "`guard`"] {
        assert!(words.iter().any(|word| word.starts_with(field)), "{field}: {words:?}");
    }
    assert_eq!(words.len(), 3);
    assert_eq!(setup.chat("sk-one", &ask("")).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let reply = setup.chat("sk-one", "{}").await;
    assert_eq!(reply.field("x-ratelimit-remaining-requests"), "99");

    // Told for as long as it is so, and not of what is as it began.
    let words = gateway.change(read(&config("127.0.0.1:1", &setup.mock.url(), more))).unwrap();
    assert_eq!(words.len(), 2, "{words:?}");
    assert_eq!(
        gateway.change(read(&config(ANY_PORT, &setup.mock.url(), "[guard]\ntolerance = 9\n"))).unwrap(),
        [""; 0]
    );

    // An upstream's key that is not there is a wrong configuration like any other.
    let missing = config(ANY_PORT, &setup.mock.url(), "key_env = \"TIDEGATE_NO_SUCH_VARIABLE\"\n");
    let error = gateway.change(read(&missing)).unwrap_err();
    assert!(format!("{error:#}").contains("TIDEGATE_NO_SUCH_VARIABLE"), "{error:#}");
    assert_eq!(gateway.state.live().generation, 5);
}
