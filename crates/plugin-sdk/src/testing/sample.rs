//! A sound PDF, written by hand: nothing but the format is needed to make one.

use std::fmt::Write;

/// A PDF with `pages` pages of A4 that say which page they are: "page 1 of 3".
#[must_use]
pub fn sample(pages: u32) -> Vec<u8> {
    let kids: String = (0..pages)
        .map(|page| format!("{} 0 R ", 4 + 2 * page))
        .collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!(
            "<< /Type /Pages /Kids [{kids}] /Count {pages} /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> >>"
        ),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    for page in 1..=pages {
        let contents = 3 + 2 * page;
        let text = format!("BT /F1 24 Tf 72 720 Td (page {page} of {pages}) Tj ET");
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /Contents {contents} 0 R >>"
        ));
        objects.push(format!(
            "<< /Length {} >>\nstream\n{text}\nendstream",
            text.len()
        ));
    }
    let (mut file, mut offsets) = ("%PDF-1.7\n".to_owned(), String::new());
    for (index, object) in objects.iter().enumerate() {
        offsets += &format!("{:010} 00000 n \n", file.len());
        file += &format!("{} 0 obj\n{object}\nendobj\n", index + 1);
    }
    let (start, size) = (file.len(), objects.len() + 1);
    // Writing to a string cannot fail.
    let _ = write!(
        file,
        "xref\n0 {size}\n0000000000 65535 f \n{offsets}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    );
    file.into_bytes()
}
