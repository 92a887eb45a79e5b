#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dropleaf_fuzzing::open::check(data));
