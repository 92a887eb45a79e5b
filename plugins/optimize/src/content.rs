//! Which things a content stream draws, and with which transformation (ISO 32000-2, 8.3.4 and 8.8).

/// A transformation `[a b c d e f]`.
pub(crate) type Matrix = [f64; 6];

/// The transformation that changes nothing.
pub(crate) const IDENTITY: Matrix = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];

/// More nested `q` than this are not followed.
const MAX_DEPTH: usize = 10_000;

/// One `Do`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Draw {
    /// The name in the resources, `#xx` decoded.
    pub(crate) name: Vec<u8>,
    /// From the drawn thing's space to the stream's.
    pub(crate) matrix: Matrix,
}

/// First `a`, then `b`.
pub(crate) fn multiply(a: &Matrix, b: &Matrix) -> Matrix {
    [
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
        a[4] * b[0] + a[5] * b[2] + b[4],
        a[4] * b[1] + a[5] * b[3] + b[5],
    ]
}

/// Everything that `content` draws by name; `None` where viewers may read it otherwise than it is read here.
pub(crate) fn draws(content: &[u8]) -> Option<Vec<Draw>> {
    let mut found = Vec::new();
    let mut matrix = IDENTITY;
    let mut saved = Vec::new();
    let mut numbers: Vec<f64> = Vec::new();
    let mut name = None;
    let mut lexer = Lexer {
        bytes: content,
        at: 0,
        is_doubtful: false,
    };
    while let Some(token) = lexer.next() {
        match token {
            Token::Number(number) => numbers.push(number.unwrap_or(f64::NAN)),
            Token::Name(bytes) => name = Some(bytes),
            Token::Other => {}
            Token::Operator(operator) => {
                match operator {
                    b"q" if saved.len() >= MAX_DEPTH => return None,
                    b"q" => saved.push(matrix),
                    b"Q" => matrix = saved.pop().unwrap_or(matrix),
                    b"cm" => {
                        if let Some(last) = numbers.last_chunk::<6>() {
                            if last.iter().any(|number| number.is_nan()) {
                                return None;
                            }
                            matrix = multiply(last, &matrix);
                        }
                    }
                    b"Do" => found.extend(name.take().map(|name| Draw {
                        name: decode(name),
                        matrix,
                    })),
                    b"ID" => lexer.skip_image(),
                    _ => {}
                }
                numbers.clear();
                name = None;
            }
        }
    }
    (!lexer.is_doubtful).then_some(found)
}

enum Token<'a> {
    /// `None` is one that viewers make different things of, such as `--5`.
    Number(Option<f64>),
    Name(&'a [u8]),
    Operator(&'a [u8]),
    Other,
}

struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Whether where something ends was a guess.
    is_doubtful: bool,
}

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        let byte = loop {
            let byte = *self.bytes.get(self.at)?;
            if !is_space(byte) {
                break byte;
            }
            self.at += 1;
        };
        match byte {
            b'%' => {
                self.skip_until(|b| matches!(b, b'\r' | b'\n'));
                Some(Token::Other)
            }
            b'(' => {
                self.skip_string();
                Some(Token::Other)
            }
            b'/' => {
                self.at += 1;
                Some(Token::Name(self.regular()))
            }
            b'<' if self.bytes.get(self.at + 1) != Some(&b'<') => {
                self.skip_until(|b| b == b'>');
                self.at += 1;
                Some(Token::Other)
            }
            b'<' | b'>' | b')' | b'[' | b']' | b'{' | b'}' => {
                self.at += 1;
                Some(Token::Other)
            }
            _ => {
                let word = self.regular();
                if !matches!(byte, b'+' | b'-' | b'.' | b'0'..=b'9') {
                    return Some(Token::Operator(word));
                }
                // Some viewers see a number and an operator in `0cm`.
                self.is_doubtful |= !is_numeric(word);
                Some(Token::Number(number(word)))
            }
        }
    }

    fn regular(&mut self) -> &'a [u8] {
        let start = self.at;
        self.skip_until(|b| is_space(b) || is_delimiter(b));
        &self.bytes[start..self.at]
    }

    fn skip_until(&mut self, end: impl Fn(u8) -> bool) {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        self.at += rest.iter().position(|b| end(*b)).unwrap_or(rest.len());
    }

    fn skip_string(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// The data of an inline image ends at an `EI` between white space with something readable after it. What fails one of
    /// both may be an end all the same.
    fn skip_image(&mut self) {
        while let Some(found) = self
            .bytes
            .get(self.at..)
            .and_then(|rest| rest.windows(2).position(|w| w == b"EI"))
        {
            let at = self.at + found;
            let rest = &self.bytes[at + 2..];
            self.at = at + 2;
            if !rest.first().is_none_or(|b| is_space(*b)) {
                continue;
            }
            let is_spaced = at > 0 && is_space(self.bytes[at - 1]);
            let is_readable = rest
                .iter()
                .take(8)
                .all(|b| is_space(*b) || matches!(b, b' '..=b'~'));
            match (is_spaced, is_readable) {
                (true, true) => return,
                (false, false) => {}
                _ => self.is_doubtful = true,
            }
        }
        self.is_doubtful = true;
        self.at = self.bytes.len();
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

fn is_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%'
    )
}

fn is_numeric(word: &[u8]) -> bool {
    word.iter()
        .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'))
}

fn number(word: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(word)
        .ok()
        .filter(|_| is_numeric(word))?;
    text.parse().ok()
}

fn decode(name: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&first, tail)) = rest.split_first() {
        let hex = |b: u8| char::from(b).to_digit(16);
        if let (b'#', [high, low, after @ ..]) = (first, tail)
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            decoded.push((high * 16 + low) as u8);
            rest = after;
        } else {
            decoded.push(first);
            rest = tail;
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, expected: &[(&str, Matrix)]) {
        let found: Vec<(String, Matrix)> = draws(content.as_bytes())
            .expect("nothing doubtful")
            .into_iter()
            .map(|draw| {
                (
                    String::from_utf8_lossy(&draw.name).into_owned(),
                    draw.matrix,
                )
            })
            .collect();
        let expected: Vec<(String, Matrix)> = expected
            .iter()
            .map(|(n, m)| ((*n).to_owned(), *m))
            .collect();
        assert_eq!(found, expected, "{content}");
    }

    #[test]
    fn transformations_are_followed() {
        check(
            "q 100 0 0 50 10 20 cm /Im1 Do Q /Im2 Do",
            &[
                ("Im1", [100.0, 0.0, 0.0, 50.0, 10.0, 20.0]),
                ("Im2", IDENTITY),
            ],
        );
        check(
            "2 0 0 2 0 0 cm 3 0 0 -3.5 1 1 cm /A#20B Do",
            &[("A B", [6.0, 0.0, 0.0, -7.0, 2.0, 2.0])],
        );
        check(
            "Q Q 2 0 0 2 0 0 cm Q /X Do",
            &[("X", [2.0, 0.0, 0.0, 2.0, 0.0, 0.0])],
        );
    }

    #[test]
    fn what_only_looks_like_an_operator_is_skipped() {
        check(
            "(/A Do) Tj % /B Do\n<2F> Tj /C/D Do [/E] 0 d",
            &[("D", IDENTITY)],
        );
        check("BI /W 1 ID /F Do xEIy\nEI /G Do", &[("G", IDENTITY)]);
        check("/H gs Do 1 0 0 cm /I Do", &[("I", IDENTITY)]);
    }

    #[test]
    fn what_viewers_may_read_otherwise_is_doubtful() {
        let check = |content: &[u8]| assert_eq!(draws(content), None, "{}", content.escape_ascii());
        check(b"5 0 0 5 --50 5 cm /I Do");
        check(b"5 0 -0-0 5 5 5 cm /I Do");
        check(b"5 0 0 5 50.0.1 5 cm /I Do");
        check(b"5 0 0 5 0 0cm /I Do");
        check(b"BI /W 1 ID \x80 EI Q (\xe9) Tj /I Do");
        check(b"BI /W 1 ID \x80EI Q /I Do");
        check(b"BI /W 1 ID \x80");
        assert!(draws(b"--5 0 Td /I Do").is_some(), "no matrix");
    }

    #[test]
    fn any_bytes_are_survived() {
        let mut seed = 7_u32;
        for length in 0..2_000 {
            let bytes: Vec<u8> = (0..length % 64)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    b"qQ()<>[]/%\\DoIEcm 1.-\n#"[(seed >> 24) as usize % 23]
                })
                .collect();
            let _ = draws(&bytes);
        }
    }
}
