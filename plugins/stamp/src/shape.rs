//! Text to positioned glyphs: lines, bidirectional runs, scripts, shaping by the font's own tables.

use std::ops::Range;
use std::rc::Rc;

use rustc_hash::FxHashMap;
use rustybuzz::{Direction, Face, ShapePlan, UnicodeBuffer};
use unicode_bidi::BidiInfo;
use unicode_script::{Script, UnicodeScript};

/// The face that every stamp is set in: DejaVu Sans 2.37, under the licence beside it.
pub(crate) const FONT: &[u8] = include_bytes!("../fonts/DejaVuSans.ttf");

/// The embedded font, opened.
fn face() -> Face<'static> {
    Face::from_slice(FONT, 0).expect("the embedded font is well-formed")
}

/// One glyph in visual order, in font units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glyph {
    /// The glyph in the whole font.
    pub(crate) id: u16,
    /// How far the pen moves after it.
    pub(crate) advance: i32,
    /// Where it is drawn beside the pen.
    pub(crate) offset: (i32, i32),
}

/// Glyphs that stand together for a piece of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cluster {
    /// The text, in logical order.
    pub(crate) text: String,
    /// Its glyphs, in visual order; at least one.
    pub(crate) glyphs: Vec<Glyph>,
}

/// Clusters that were shaped at once: a word, a digit, a run of a script that joins its letters. Lines share them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// In visual order.
    pub(crate) clusters: Vec<Cluster>,
    /// The pen's way over all of it, in font units.
    width: i32,
}

impl Piece {
    fn new(clusters: Vec<Cluster>) -> Rc<Self> {
        let glyphs = clusters.iter().flat_map(|cluster| &cluster.glyphs);
        let width = glyphs.map(|glyph| glyph.advance).sum();
        Rc::new(Self { clusters, width })
    }
}

/// One line in visual order, from left to right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// What stands on it.
    pub(crate) pieces: Vec<Rc<Piece>>,
    /// The pen's way over all of it, in font units.
    pub(crate) width: i32,
}

impl Line {
    /// All clusters, from left to right.
    pub(crate) fn clusters(&self) -> impl Iterator<Item = &Cluster> {
        self.pieces.iter().flat_map(|piece| &piece.clusters)
    }
}

/// Shapes texts, one after the other.
pub(crate) struct Shaper {
    pub(crate) face: Face<'static>,
    /// What the font's tables come to for a direction (right to left?) and a script: slow to make, and soon used again.
    plans: FxHashMap<(bool, Script), ShapePlan>,
    /// Words that were shaped: page numbers differ, the words around them do not.
    words: FxHashMap<Script, FxHashMap<String, Rc<Piece>>>,
    /// Whether two characters stand beside each other as each does by itself.
    loose: FxHashMap<(Script, [u8; 2]), bool>,
}

impl Shaper {
    pub(crate) fn new() -> Self {
        Self {
            face: face(),
            plans: FxHashMap::default(),
            words: FxHashMap::default(),
            loose: FxHashMap::default(),
        }
    }

    /// Shapes `text` line by line; the characters that the font cannot show are the error, each once.
    pub(crate) fn shape(&mut self, text: &str) -> Result<Vec<Line>, Vec<char>> {
        let mut missing = Vec::new();
        let lines = if is_plain(text) {
            vec![self.line(text, &mut missing)]
        } else {
            lines(text)
                .iter()
                .map(|line| self.line(line, &mut missing))
                .collect()
        };
        if missing.is_empty() {
            Ok(lines)
        } else {
            Err(missing)
        }
    }

    fn line(&mut self, text: &str, missing: &mut Vec<char>) -> Line {
        let mut line = Line::default();
        if is_plain(text) {
            // One run from left to right, which the long way would find out too.
            let is_latin = text.bytes().any(|byte| byte.is_ascii_alphabetic());
            let script = if is_latin {
                Script::Latin
            } else {
                Script::Common
            };
            self.words(text, 0..text.len(), script, missing, &mut line.pieces);
        } else {
            self.runs(text, missing, &mut line.pieces);
        }
        line.width = line.pieces.iter().map(|piece| piece.width).sum();
        line
    }

    /// Text of any direction and script.
    fn runs(&mut self, text: &str, missing: &mut Vec<char>, out: &mut Vec<Rc<Piece>>) {
        let bidi = BidiInfo::new(text, None);
        for paragraph in &bidi.paragraphs {
            let (levels, runs) = bidi.visual_runs(paragraph, paragraph.range.clone());
            for run in runs {
                let rtl = levels[run.start].is_rtl();
                let mut pieces = script_runs(text, run);
                if rtl {
                    pieces.reverse();
                }
                for (range, script) in pieces {
                    if rtl || !ends_words_at_spaces(script) {
                        out.push(Piece::new(self.run(text, range, (rtl, script), missing)));
                    } else {
                        self.words(text, range, script, missing, out);
                    }
                }
            }
        }
    }

    /// A left-to-right run word by word, each shaped once.
    fn words(
        &mut self,
        text: &str,
        range: Range<usize>,
        script: Script,
        missing: &mut Vec<char>,
        out: &mut Vec<Rc<Piece>>,
    ) {
        let mut start = range.start;
        for word in text[range].split_inclusive(' ') {
            let range = start..start + word.len();
            start = range.end;
            if let Some(known) = self.words.get(&script).and_then(|words| words.get(word)) {
                out.push(Rc::clone(known));
            } else if !self.spell(word, script, out) {
                out.push(self.word(text, range, script, missing));
            }
        }
    }

    /// Shapes a word and keeps it, unless the font lacks some of it.
    fn word(
        &mut self,
        text: &str,
        range: Range<usize>,
        script: Script,
        missing: &mut Vec<char>,
    ) -> Rc<Piece> {
        let lacking = missing.len();
        let piece = Piece::new(self.run(text, range.clone(), (false, script), missing));
        if missing.len() == lacking {
            let words = self.words.entry(script).or_default();
            words.insert(text[range].to_owned(), Rc::clone(&piece));
        }
        piece
    }

    /// Puts a number together from its characters, where none of them moves its neighbour: every page has another one.
    fn spell(&mut self, word: &str, script: Script, out: &mut Vec<Rc<Piece>>) -> bool {
        let bytes = word.as_bytes();
        let numeric = |byte: &u8| byte.is_ascii_digit() || b" /.,:;-()".contains(byte);
        if bytes.len() < 2 || !bytes.iter().all(numeric) {
            return false;
        }
        if !bytes
            .windows(2)
            .all(|pair| self.is_loose([pair[0], pair[1]], script))
        {
            return false;
        }
        for at in 0..word.len() {
            let piece = self.character(&word[at..=at], script);
            out.push(piece);
        }
        true
    }

    fn character(&mut self, character: &str, script: Script) -> Rc<Piece> {
        match self
            .words
            .get(&script)
            .and_then(|words| words.get(character))
        {
            Some(known) => Rc::clone(known),
            None => self.word(character, 0..character.len(), script, &mut Vec::new()),
        }
    }

    fn is_loose(&mut self, pair: [u8; 2], script: Script) -> bool {
        if let Some(known) = self.loose.get(&(script, pair)) {
            return *known;
        }
        let text = pair.map(char::from).iter().collect::<String>();
        let together = self.run(&text, 0..text.len(), (false, script), &mut Vec::new());
        let apart = [0..1, 1..2].map(|range| self.character(&text[range], script));
        let is_loose = apart.iter().flat_map(|piece| &piece.clusters).eq(&together);
        self.loose.insert((script, pair), is_loose);
        is_loose
    }

    fn run(
        &mut self,
        text: &str,
        range: Range<usize>,
        key: (bool, Script),
        missing: &mut Vec<char>,
    ) -> Vec<Cluster> {
        let (rtl, script) = key;
        let direction = if rtl {
            Direction::RightToLeft
        } else {
            Direction::LeftToRight
        };
        let script = script
            .short_name()
            .parse()
            .unwrap_or(rustybuzz::script::COMMON);
        let face = &self.face;
        let plan = self
            .plans
            .entry(key)
            .or_insert_with(|| ShapePlan::new(face, direction, Some(script), None, &[]));
        let run = &text[range.clone()];
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(run);
        buffer.set_pre_context(&text[..range.start]);
        buffer.set_post_context(&text[range.end..]);
        buffer.set_direction(direction);
        buffer.set_script(script);
        let shaped = rustybuzz::shape_with_plan(face, plan, buffer);
        let mut clusters: Vec<(usize, Vec<Glyph>)> = Vec::new();
        for (info, position) in shaped.glyph_infos().iter().zip(shaped.glyph_positions()) {
            let start = info.cluster as usize;
            let glyph = Glyph {
                id: u16::try_from(info.glyph_id).unwrap_or(0),
                advance: position.x_advance,
                offset: (position.x_offset, position.y_offset),
            };
            match clusters.last_mut() {
                Some((last, glyphs)) if *last == start => glyphs.push(glyph),
                _ => clusters.push((start, vec![glyph])),
            }
        }
        let blank = face.glyph_index(' ').map_or(0, |glyph| glyph.0);
        name_clusters(run, clusters, blank, missing)
    }
}

/// Whether the text is of printable ASCII alone, without line breaks or tabs.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Whether no shaping of this script reaches over a space, in this font: a test compares.
fn ends_words_at_spaces(script: Script) -> bool {
    matches!(
        script,
        Script::Latin | Script::Greek | Script::Cyrillic | Script::Common
    )
}

/// The lines of `text`: CR LF, CR, LF, NEL, VT, FF and the Unicode separators end one; a tab is four spaces.
fn lines(text: &str) -> Vec<String> {
    text.replace("\r\n", "\n")
        .split([
            '\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}',
        ])
        .map(|line| line.replace('\t', "    "))
        .collect()
}

/// Cuts a run where the script changes; marks, digits and punctuation stay with what is before them.
fn script_runs(text: &str, run: Range<usize>) -> Vec<(Range<usize>, Script)> {
    let mut pieces: Vec<(Range<usize>, Script)> = Vec::new();
    for (at, character) in text[run.clone()].char_indices() {
        let at = run.start + at;
        let end = at + character.len_utf8();
        let script = character.script();
        let neutral = matches!(script, Script::Common | Script::Inherited | Script::Unknown);
        match pieces.last_mut() {
            Some((range, _)) if neutral => range.end = end,
            Some((range, last)) if *last == script => range.end = end,
            Some((range, last)) if *last == Script::Common => {
                *last = script;
                range.end = end;
            }
            _ => pieces.push((at..end, if neutral { Script::Common } else { script })),
        }
    }
    pieces
}

/// Gives each cluster its text, drops what is invisible by nature (shaped as a `blank` that does not move the pen) and
/// notes what the font lacks.
fn name_clusters(
    run: &str,
    clusters: Vec<(usize, Vec<Glyph>)>,
    blank: u16,
    missing: &mut Vec<char>,
) -> Vec<Cluster> {
    let mut starts: Vec<usize> = clusters.iter().map(|(start, _)| *start).collect();
    starts.sort_unstable();
    starts.dedup();
    let mut named = Vec::with_capacity(clusters.len());
    for (start, mut glyphs) in clusters {
        let next = starts.partition_point(|other| *other <= start);
        let end = starts.get(next).copied().unwrap_or(run.len());
        let text: String = run[start..end]
            .chars()
            .filter(|c| !is_ignorable(*c))
            .collect();
        if text.is_empty() {
            continue;
        }
        if text.len() < end - start {
            glyphs.retain(|glyph| glyph.id != blank || glyph.advance != 0);
        }
        if glyphs.iter().any(|glyph| glyph.id == 0) {
            for character in text.chars() {
                if !missing.contains(&character) {
                    missing.push(character);
                }
            }
        }
        if !glyphs.is_empty() {
            named.push(Cluster { text, glyphs });
        }
    }
    named
}

/// Characters that show nothing and need no glyph: joiners, direction marks, variation selectors (Unicode,
/// `Default_Ignorable_Code_Point`, those that occur in text).
fn is_ignorable(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        let lines = Shaper::new().shape(text).expect("the font has it");
        lines[0].clusters().map(|c| c.text.clone()).collect()
    }

    #[test]
    fn plain_text_is_one_glyph_a_letter() {
        assert_eq!(texts("abc"), ["a", "b", "c"]);
    }

    #[test]
    fn a_ligature_keeps_all_its_letters() {
        assert_eq!(texts("office"), ["o", "ffi", "c", "e"]);
    }

    #[test]
    fn right_to_left_text_stands_in_visual_order() {
        assert_eq!(texts("אבג"), ["ג", "ב", "א"]);
        assert_eq!(texts("x אב 12"), ["x", " ", "1", "2", " ", "ב", "א"]);
    }

    #[test]
    fn lines_end_at_every_kind_of_break() {
        let lines = Shaper::new()
            .shape("a\nb\r\nc\rd\u{2028}e\n")
            .expect("the font has it");
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[5].width, 0);
    }

    #[test]
    fn what_the_font_lacks_is_named_once() {
        assert_eq!(Shaper::new().shape("a漢字漢"), Err(vec!['漢', '字']));
    }

    #[test]
    fn invisible_characters_cost_nothing() {
        assert_eq!(texts("a\u{200d}\u{feff}b"), ["a", "b"]);
    }

    #[test]
    fn words_shaped_apart_are_those_shaped_together() {
        let letters: Vec<char> = ('!'..='~')
            .chain('À'..='ÿ')
            .chain('Α'..='ω')
            .chain('А'..='я')
            .collect();
        for pair in letters.windows(2).chain(
            letters
                .iter()
                .step_by(7)
                .copied()
                .collect::<Vec<_>>()
                .windows(2),
        ) {
            let text = format!("{} {} T {}. V", pair[0], pair[1], pair[0]);
            let mut shaper = Shaper::new();
            let Ok(lines) = shaper.shape(&text) else {
                continue;
            };
            let script = script_runs(&text, 0..text.len())[0].1;
            if script_runs(&text, 0..text.len()).len() > 1 || !ends_words_at_spaces(script) {
                continue;
            }
            let together = shaper.run(&text, 0..text.len(), (false, script), &mut Vec::new());
            assert!(lines[0].clusters().eq(&together), "{text}");
        }
    }

    #[test]
    fn numbers_put_together_are_those_shaped_as_a_whole() {
        let mut shaper = Shaper::new();
        for number in (0..3_000).chain((3_000..2_000_000).step_by(997)) {
            for text in [
                format!("{number}"),
                format!("{number}/{}", number * 7),
                format!("({number}) - {number}.{number}, 1:{number};"),
                format!("p {number} "),
            ] {
                let lines = shaper.shape(&text).expect("the font has it");
                let script = script_runs(&text, 0..text.len())[0].1;
                let whole = shaper.run(&text, 0..text.len(), (false, script), &mut Vec::new());
                assert!(lines[0].clusters().eq(&whole), "{text}");
            }
        }
    }

    #[test]
    fn arabic_letters_join() {
        let mut shaper = Shaper::new();
        let joined = shaper.shape("سلام").expect("the font has it");
        let ids: Vec<u16> = joined[0]
            .clusters()
            .flat_map(|c| &c.glyphs)
            .map(|g| g.id)
            .collect();
        let alone =
            shaper.shape("س").expect("the font has it")[0].pieces[0].clusters[0].glyphs[0].id;
        assert!(
            !ids.contains(&alone),
            "the initial form differs from the isolated one"
        );
    }
}
