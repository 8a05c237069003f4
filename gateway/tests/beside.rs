//! What runs beside the proxy: the service for Envoy and the admin API, under a configuration that changes.
#![cfg(feature = "serve")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tidegate_gateway::envoy::RateLimitService;
use tidegate_gateway::envoy::wire::{Code, Entry, RateLimitDescriptor, RateLimitRequest};
use tidegate_gateway::serve::config::Config;
use tidegate_gateway::serve::ending::End;
use tidegate_gateway::serve::gateway::Gateway;
use tidegate_gateway::serve::services;
use tokio::net::{TcpListener, TcpStream};

fn config(sections: &str) -> Config {
    let upstream = "[upstreams.o]\nurl = \"http://h\"\napi = \"openai\"\n";
    Config::parse("t.toml", &format!("listen = \"127.0.0.1:1\"\ncapacity = 1000\n{upstream}{sections}"))
        .unwrap()
}

fn envoy(listen: SocketAddr, plan: &str) -> String {
    format!(
        "[plans.two]\nrequests_per_minute = 2\nburst = 0.0\n[plans.five]\nrequests_per_minute = 5\nburst = 0.0\n\
         [envoy]\nlisten = \"{listen}\"\n[[envoy.rules]]\ndomain = \"edge\"\nmatch = [{{ key = \"user\" }}]\nplan = \"{plan}\"\n"
    )
}

fn admin(listen: SocketAddr, token: &Path) -> String {
    format!("[admin]\nlisten = \"{listen}\"\ntoken_file = \"{}\"\n", token.display())
}

/// An address of which nothing is heard just now.
async fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

fn token() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "operators-show-this").unwrap();
    file
}

fn service(gateway: &Gateway) -> RateLimitService {
    let Gateway { state, rules, clock, metrics, .. } = gateway;
    RateLimitService::new(state.clone(), rules.clone(), clock.clone(), metrics.clone())
}

fn passes(service: &RateLimitService, user: &str) -> bool {
    let entry = Entry { key: "user".into(), value: user.into() };
    let descriptor = RateLimitDescriptor { entries: vec![entry], ..RateLimitDescriptor::default() };
    let request = RateLimitRequest { domain: "edge".into(), descriptors: vec![descriptor], hits_addend: 0 };
    service.should_rate_limit(&request).unwrap().overall_code == i32::from(Code::Ok)
}

fn passed(service: &RateLimitService) -> usize {
    (0..20).filter(|_| passes(service, "anna")).count()
}

#[tokio::test]
async fn another_configuration_has_other_rules_and_the_same_usage() {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let gateway = Gateway::new(config(&envoy(anywhere, "two"))).unwrap();
    let service = service(&gateway);
    assert_eq!(passed(&service), 2);
    gateway.change(config(&envoy(anywhere, "five"))).unwrap();
    assert_eq!(passed(&service), 3);
    let words = gateway.change(config("")).unwrap();
    assert!(words.iter().any(|words| words.contains("`envoy.listen`")), "{words:?}");
    assert_eq!(passed(&service), 20, "there is no rule any more");
    let text = gateway.metrics.text().unwrap();
    assert!(text.contains("tidegate_configuration_generation 3\n"), "{text}");
}

#[tokio::test]
async fn services_listen_from_the_start_and_end_with_the_gateway() {
    let (asked, operators, token) = (free_address().await, free_address().await, token());
    let sections = [envoy(asked, "two"), admin(operators, token.path())].concat();
    let gateway = Arc::new(Gateway::new(config(&sections)).unwrap());
    let (end, ending) = End::pair();
    let services = services::all(&gateway, &ending).await.unwrap();
    assert_eq!(services.len(), 2);
    for address in [asked, operators] {
        TcpStream::connect(address).await.unwrap();
    }
    let tasks: Vec<_> = services.into_iter().map(|service| tokio::spawn(service.task)).collect();
    end.begin();
    for task in tasks {
        tokio::time::timeout(Duration::from_secs(10), task).await.expect("it ends").unwrap().unwrap();
    }
    assert!(TcpStream::connect(operators).await.is_err());
}

#[tokio::test]
async fn what_keeps_a_service_from_beginning_is_told_by_its_field() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, token) = (taken.local_addr().unwrap(), token());
    let (_end, ending) = End::pair();
    let nowhere = Path::new("/no/such/file");
    for (sections, field) in [
        (envoy(address, "two"), "`envoy.listen`"),
        (admin(address, token.path()), "`admin.listen`"),
        (admin(address, nowhere), "`admin.token_file`"),
    ] {
        let gateway = Arc::new(Gateway::new(config(&sections)).unwrap());
        let error = services::all(&gateway, &ending).await.unwrap_err();
        assert!(error.to_string().contains(field), "{error:#}");
    }
    let gateway = Arc::new(Gateway::new(config("")).unwrap());
    assert!(services::all(&gateway, &ending).await.unwrap().is_empty());
}
