use super::*;

fn route(pattern: &str, bridge: &str, from: &[&str]) -> Route {
    let from = from.iter().map(|network| network.parse().unwrap()).collect();
    Route::new(Regex::new(pattern).unwrap(), bridge, from, Duration::from_secs(30)).unwrap()
}

fn routes(list: Vec<Route>) -> Routes {
    Routes::new(Table::new(list), Arc::default())
}

fn target(routes: &Routes, number: &str, source: &str) -> Option<String> {
    let list = routes.table.read();
    routes.find(&list, number, Some(source.parse().unwrap())).map(|(_, target)| target)
}

fn counted(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[test]
fn the_first_route_that_matches_and_admits_is_taken() {
    let routes = routes(vec![
        route("^2(\\d{3})$", "sip:$1@192.0.2.1", &["10.0.0.0/8"]),
        route("^2", "sip:any@192.0.2.2", &["127.0.0.0/8", "::1/128"]),
    ]);
    assert_eq!(target(&routes, "2345", "10.1.2.3").as_deref(), Some("sip:345@192.0.2.1"));
    assert_eq!(target(&routes, "2345", "127.0.0.1").as_deref(), Some("sip:any@192.0.2.2"));
    assert_eq!(target(&routes, "2345", "::1").as_deref(), Some("sip:any@192.0.2.2"));
    assert_eq!(target(&routes, "345", "10.1.2.3"), None);
    assert_eq!(counted(&routes.counters.refused_source), 0);
}

#[test]
fn a_mapped_address_is_the_address() {
    let routes = routes(vec![route("^2", "sip:a@h", &["127.0.0.0/8"])]);
    assert!(target(&routes, "2", "::ffff:127.0.0.1").is_some());
    assert!(target(&routes, "2", "::ffff:192.0.2.1").is_none());
}

#[test]
fn who_may_not_use_a_route_is_refused_and_counted() {
    let routes = routes(vec![
        route("^2", "sip:a@h", &["127.0.0.0/8"]),
        route("^2", "sip:a@h", &["::1/128"]),
        route("^3", "sip:a@h", &[]),
    ]);
    assert_eq!(target(&routes, "2", "192.0.2.1"), None);
    assert_eq!(target(&routes, "3", "127.0.0.1"), None);
    assert!(routes.find(&routes.table.read(), "2", None).is_none());
    assert_eq!(target(&routes, "4", "192.0.2.1"), None);
    assert_eq!(counted(&routes.counters.refused_source), 3);
}

#[test]
fn a_number_no_uri_can_carry_is_refused_and_counted() {
    let routes = routes(vec![route("(?s)^2(.*)$", "sip:$1@h", &["127.0.0.0/8"])]);
    assert_eq!(target(&routes, "2\r\nX: y", "127.0.0.1"), None);
    assert_eq!(counted(&routes.counters.refused_number), 1);
    assert_eq!(counted(&routes.counters.refused_source), 0);
}

#[test]
fn who_may_dial_a_number_is_told_without_counting() {
    let routes = routes(vec![route("^2", "sip:a@h", &["10.0.0.0/8"])]);
    let admits = |number: &str, source: &str| {
        let caller = CallerProfile {
            caller_id_number: String::new(),
            caller_id_name: String::new(),
            destination_number: number.into(),
            network_addr: Some(source.parse().unwrap()),
            dialplan: Vec::new(),
            context: String::new(),
        };
        routes.admits(&caller)
    };
    assert!(admits("2100", "10.1.2.3"));
    assert!(!admits("2100", "192.0.2.1"));
    assert!(!admits("3100", "10.1.2.3"));
    assert_eq!(counted(&routes.counters.refused_source), 0);
}
