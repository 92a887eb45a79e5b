//! Faults of measure: too much of something, and results that are not what they say.

use crate::Mode;
use crate::crimes::outcome;
use crate::lies::{send_output, wait};
use dropleaf_plugin_sdk::prelude::*;
use std::io::{self, Write as _};
use std::time::Duration;

pub(crate) fn commit(mode: Mode, text: &str, run: &mut Run<'_>) -> Result<()> {
    match mode {
        Mode::ManyThreads => many_threads(),
        Mode::FloodPrintMebibytes => flood_print(text.parse().unwrap_or(1)),
        Mode::HideMemory => hide_memory(),
        Mode::FillScratch => fill_scratch(run),
        Mode::FillMemoryFiles => fill_memory_files(),
        Mode::ManyMemoryFiles => many_memory_files(),
        Mode::MappedOutput => mapped_output(text),
        Mode::SparseOutput => {
            let file = memory(b"%PDF-1.7\n")?;
            // SAFETY: a descriptor of ours.
            outcome("ftruncate", unsafe { libc::ftruncate(file, 4 << 30) })?;
            seal(file, ALL)?;
            send_output(file, text)
        }
        Mode::ManyArtifacts => {
            for number in 0..100_000 {
                run.artifact(&format!("{number}.txt"), "text/plain", b"x")?;
            }
            Ok(())
        }
        Mode::BreakResult => put_out(b"%PDF-1.7\nand then nothing that any reader knows", text),
        Mode::LieTree => put_out(&lying_tree(), text),
        Mode::LosePages => {
            let document = run.document();
            let pages = document.page_count()?;
            document.page_remove(0, pages / 2)
        }
        Mode::GrowResult => {
            let document = run.document();
            let much = noise(4 << 20);
            let stream = document.stream(None, dropleaf_plugin_sdk::Mode::Raw, &much)?;
            document.catalog()?.put("Ballast", stream)
        }
        _ => Err(Error::failed("no such mode")),
    }
}

fn many_threads() -> Result<()> {
    for number in 0..10_000 {
        let thread = std::thread::Builder::new().stack_size(64 << 10);
        let started = thread.spawn(|| std::thread::sleep(Duration::from_secs(3600)));
        if let Err(error) = started {
            let text = format!("after {number} threads: {error}");
            return Err(Error::failed(text));
        }
    }
    std::thread::sleep(Duration::from_secs(5));
    Ok(())
}

fn flood_print(mebibytes: u32) -> Result<()> {
    let block = "a line of a flood that has about sixty-four characters in it...\n".repeat(1 << 10);
    let mut out = io::stdout();
    for _ in 0..mebibytes << 4 {
        out.write_all(block.as_bytes())?;
    }
    Ok(out.flush()?)
}

fn fill_scratch(run: &mut Run<'_>) -> Result<()> {
    let folder = run.temp_dir()?;
    let block = vec![1u8; 1 << 20];
    for number in 0..100_000 {
        std::fs::write(folder.join(format!("{number}.bin")), &block)?;
    }
    Ok(())
}

/// Four times 128 MiB that the kernel counts to no limit of data: what cannot be written at the moment is none.
fn hide_memory() -> Result<()> {
    const BLOCK: usize = 128 << 20;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    for _ in 0..4 {
        // SAFETY: a new mapping of that length, written before it is closed to writing.
        unsafe {
            let place = libc::mmap(std::ptr::null_mut(), BLOCK, access, flags, -1, 0);
            if place == libc::MAP_FAILED {
                return outcome("mmap", -1);
            }
            libc::memset(place, 1, BLOCK);
            libc::mprotect(place, BLOCK, libc::PROT_READ);
        }
    }
    std::thread::sleep(Duration::from_secs(10));
    Ok(())
}

/// More than one file may hold, in several, and no memory of this process.
fn fill_memory_files() -> Result<()> {
    let block = vec![1u8; 1 << 20];
    for _ in 0..7 {
        let file = memory(b"")?;
        for _ in 0..8 {
            // SAFETY: a descriptor of ours and that many bytes.
            let wrote = unsafe { libc::write(file, block.as_ptr().cast(), block.len()) };
            if wrote < 0 {
                return Err(Error::failed(io::Error::last_os_error().to_string()));
            }
        }
    }
    std::thread::sleep(Duration::from_secs(30));
    Ok(())
}

fn many_memory_files() -> Result<()> {
    for number in 0..100 {
        if let Err(error) = memory(b"x") {
            return Err(Error::failed(format!(
                "after {number} memory files: {error}"
            )));
        }
    }
    Ok(())
}

/// Seals that keep a file from changing, but not its owner who has mapped it before.
pub(crate) const ALL: i32 =
    libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE | libc::F_SEAL_SEAL;
const ALL_BUT_WRITE: i32 = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_FUTURE_WRITE;

fn mapped_output(folder: &str) -> Result<()> {
    let file = memory(b"%PDF-1.7\n")?;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping of a file that is that long.
    let place = unsafe { libc::mmap(std::ptr::null_mut(), 9, access, libc::MAP_SHARED, file, 0) };
    if place == libc::MAP_FAILED {
        return outcome("mmap", -1);
    }
    if seal(file, ALL).is_ok() {
        return Err(Error::failed("it was sealed although it is mapped"));
    }
    seal(file, ALL_BUT_WRITE | libc::F_SEAL_SEAL)?;
    send_output(file, folder)
}

fn put_out(bytes: &[u8], folder: &str) -> Result<()> {
    let file = memory(bytes)?;
    seal(file, ALL)?;
    send_output(file, folder)?;
    wait()
}

pub(crate) fn memory(bytes: &[u8]) -> Result<i32> {
    // SAFETY: a name that ends with a zero.
    let file = unsafe { libc::memfd_create(c"result".as_ptr(), libc::MFD_ALLOW_SEALING) };
    outcome("memfd_create", file.min(0))?;
    // SAFETY: bytes that are there.
    let written = unsafe { libc::write(file, bytes.as_ptr().cast(), bytes.len()) };
    outcome("write", i32::try_from(written).unwrap_or(-1))?;
    Ok(file)
}

pub(crate) fn seal(file: i32, seals: i32) -> Result<()> {
    // SAFETY: plain numbers.
    outcome("seal", unsafe {
        libc::fcntl(file, libc::F_ADD_SEALS, seals)
    })
}

/// Opens, but its page tree says three pages and leads to one, and one reference leads nowhere.
fn lying_tree() -> Vec<u8> {
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Count 3 /Kids [3 0 R 9 0 R] >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 8 0 R >>",
    ];
    let mut file = "%PDF-1.7\n".to_owned();
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(file.len());
        file.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
    }
    let start = file.len();
    file.push_str("xref\n0 4\n0000000000 65535 f \n");
    for place in places {
        file.push_str(&format!("{place:010} 00000 n \n"));
    }
    file.push_str(&format!(
        "trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    ));
    file.into_bytes()
}

/// Bytes that no filter makes smaller.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..count).map(|_| next()).collect()
}

/// As the runtimes of some languages do it: the C library then sets the new thread's policy, which is the ordinary one.
pub(crate) fn thread_with_attributes() -> Result<()> {
    const EXPLICIT: libc::c_int = 1;
    unsafe extern "C" {
        fn pthread_attr_setinheritsched(
            attributes: *mut libc::pthread_attr_t,
            how: libc::c_int,
        ) -> libc::c_int;
    }
    extern "C" fn nothing(argument: *mut libc::c_void) -> *mut libc::c_void {
        argument
    }
    // SAFETY: the attributes are filled before they are used; the thread touches nothing and is joined.
    let error = unsafe {
        let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
        let mut thread: libc::pthread_t = std::mem::zeroed();
        libc::pthread_attr_init(&raw mut attributes);
        pthread_attr_setinheritsched(&raw mut attributes, EXPLICIT);
        let nobody = std::ptr::null_mut();
        match libc::pthread_create(&raw mut thread, &raw const attributes, nothing, nobody) {
            0 => libc::pthread_join(thread, std::ptr::null_mut()),
            error => error,
        }
    };
    match error {
        0 => Ok(()),
        _ => Err(std::io::Error::from_raw_os_error(error).into()),
    }
}
