//! Any text is an address or an error, and an address reads back from its own text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::PeerAddr;

fuzz_target!(|text: &str| {
    if let Ok(addr) = PeerAddr::parse(text, 8333) {
        assert_eq!(PeerAddr::parse(&addr.to_string(), 1), Ok(addr));
        let host = addr.host.to_string();
        assert_eq!(PeerAddr::from_host_text(&host, addr.port), Ok(addr));
    }
});
