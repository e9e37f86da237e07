//! What is read of a `version` payload is written to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::Version;

fuzz_target!(|payload: &[u8]| {
    if let Ok(version) = Version::decode(payload) {
        assert_eq!(version.encode(), payload);
        let _ = version.addr_recv.host();
        let _ = version.user_agent_lossy();
    }
});
