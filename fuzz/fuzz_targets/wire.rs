#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dropleaf_fuzzing::wire::check(data));
