//! Points in time as the Info dictionary and XMP write them.

/// A date with as much of it as was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    /// Year, month, day, hour, minute, second: the first one or more.
    fields: Vec<i64>,
    /// Minutes east of Greenwich, if that was said.
    zone: Option<i64>,
}

/// The least and the greatest value of each field.
const BOUNDS: [(i64, i64); 6] = [(0, 9999), (1, 12), (1, 31), (0, 23), (0, 59), (0, 60)];

impl Date {
    /// `D:20261122203333+01'00'` (ISO 32000-2, 7.9.4); `None` for what is no date.
    pub(crate) fn from_info(text: &str) -> Option<Self> {
        let rest = text.trim().trim_start_matches("D:");
        let end = rest.find(|c: char| !c.is_ascii_digit());
        let (digits, zone) = rest.split_at(end.unwrap_or(rest.len()));
        let mut fields = vec![number(digits.get(..4)?)?];
        let pairs = digits.as_bytes().get(4..)?.chunks_exact(2).take(5);
        fields.extend(pairs.filter_map(|pair| number(std::str::from_utf8(pair).ok()?)));
        Self::checked(fields, zone_of(zone))
    }

    /// `2026-11-22T20:33:33+01:00` (ISO 16684-1, 8.2.1.2), parts of a second left out; `None` for what is no date.
    pub(crate) fn from_xmp(text: &str) -> Option<Self> {
        let (day, time) = text.trim().split_once('T').unwrap_or((text.trim(), ""));
        let mut parts = day.split('-');
        let mut fields = vec![
            parts
                .next()
                .filter(|year| year.len() == 4)
                .and_then(number)?,
        ];
        for part in parts {
            fields.push(number(part)?);
        }
        if time.is_empty() {
            return Self::checked(fields, None);
        }
        let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
        let (time, zone) = time.split_at(zone);
        let whole = time.split('.').next().unwrap_or(time);
        for part in whole.split(':') {
            fields.push(number(part)?);
        }
        Self::checked(fields, zone_of(zone))
    }

    fn checked(fields: Vec<i64>, zone: Option<i64>) -> Option<Self> {
        let sound = fields.len() <= BOUNDS.len()
            && fields
                .iter()
                .zip(BOUNDS)
                .all(|(field, (least, greatest))| (least..=greatest).contains(field));
        let zone = zone.filter(|_| fields.len() > 3);
        sound.then_some(Self { fields, zone })
    }

    /// As XMP writes it. It knows no hour without minutes.
    pub(crate) fn to_xmp(&self) -> String {
        let field = |index: usize| self.fields.get(index).copied().unwrap_or(0);
        let mut out = format!("{:04}", field(0));
        for part in self.fields.iter().take(3).skip(1) {
            out += &format!("-{part:02}");
        }
        if self.fields.len() > 3 {
            out += &format!("T{:02}:{:02}:{:02}", field(3), field(4), field(5));
            out += &self
                .zone
                .map_or(String::new(), |zone| zone_text(zone, ":", ""));
        }
        out
    }

    /// As the Info dictionary writes it.
    pub(crate) fn to_info(&self) -> String {
        let mut out = format!("D:{:04}", self.fields.first().copied().unwrap_or(0));
        for part in self.fields.iter().skip(1) {
            out += &format!("{part:02}");
        }
        out + &self
            .zone
            .map_or(String::new(), |zone| zone_text(zone, "'", "'"))
    }

    /// Whether both are the same second, wherever their clocks stand. Where one does not say where its clock stands, the
    /// clocks must show the same.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.seconds(), other.seconds());
        match (self.zone, other.zone) {
            (Some(here), Some(there)) => ours - here * 60 == theirs - there * 60,
            _ => ours == theirs,
        }
    }

    /// Seconds that its clock has counted; what is not said is the least there can be.
    fn seconds(&self) -> i64 {
        let field = |index: usize, least| self.fields.get(index).copied().unwrap_or(least);
        let days = days(field(0, 0), field(1, 1), field(2, 1));
        ((days * 24 + field(3, 0)) * 60 + field(4, 0)) * 60 + field(5, 0)
    }
}

/// Days since 1 March of the year 0 in the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the day that some of them have more is their last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap + (153 * month + 2) / 5 + day - 1
}

fn number(digits: &str) -> Option<i64> {
    let plain = matches!(digits.len(), 2 | 4) && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// `Z`, `+01'00'`, `+01'00`, `+0100`, `+01:00`, `+01`.
fn zone_of(text: &str) -> Option<i64> {
    let sign = match text.chars().next()? {
        'Z' => return Some(0),
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let digits: String = text.chars().filter(char::is_ascii_digit).take(4).collect();
    let hours = number(digits.get(..2)?)?;
    let minutes = digits.get(2..4).and_then(number).unwrap_or(0);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn zone_text(zone: i64, between: &str, end: &str) -> String {
    if zone == 0 {
        return "Z".to_owned();
    }
    let sign = if zone < 0 { '-' } else { '+' };
    let (hours, minutes) = (zone.abs() / 60, zone.abs() % 60);
    format!("{sign}{hours:02}{between}{minutes:02}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_the_other_place_has_them() {
        let check = |info: &str, xmp: &str| {
            let date = Date::from_info(info).expect(info);
            assert_eq!(date.to_xmp(), xmp, "{info}");
            assert!(Date::from_xmp(xmp).expect(xmp).agrees(&date), "{info}");
        };
        check("D:20261122203333+01'00'", "2026-11-22T20:33:33+01:00");
        check("D:20261122203333-08'30", "2026-11-22T20:33:33-08:30");
        check("D:20261122203333+0200", "2026-11-22T20:33:33+02:00");
        check("D:20261122203333Z", "2026-11-22T20:33:33Z");
        check("D:20261122203333Z00'00'", "2026-11-22T20:33:33Z");
        check("202611222033", "2026-11-22T20:33:00");
        check("D:2026112220", "2026-11-22T20:00:00");
        check("D:202611", "2026-11");
        let back = |xmp: &str, info: &str| {
            assert_eq!(Date::from_xmp(xmp).expect(xmp).to_info(), info, "{xmp}");
        };
        back("2026-11-22T20:33:33.75+01:00", "D:20261122203333+01'00'");
        back("2026-11-22T20:33Z", "D:202611222033Z");
        back("2026-11", "D:202611");
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "yesterday",
            "",
            "D:",
            "D:20261399",
            "D:202611222561",
            "D:26",
        ] {
            assert_eq!(Date::from_info(text), None, "{text}");
        }
        for text in [
            "now",
            "",
            "2026-13",
            "2026-1-1",
            "2026-11-22T20:61Z",
            "2026-11-22T+",
            "T",
            "26-11",
        ] {
            assert_eq!(Date::from_xmp(text), None, "{text}");
        }
    }

    #[test]
    fn one_moment_is_one_wherever_the_clock_stands() {
        let check = |info: &str, xmp: &str, expected: bool| {
            let dates = (
                Date::from_info(info).expect(info),
                Date::from_xmp(xmp).expect(xmp),
            );
            assert_eq!(dates.0.agrees(&dates.1), expected, "{info} {xmp}");
        };
        check("D:20270101003000+01'00'", "2026-12-31T23:30:00Z", true);
        check("D:20240229233000-01'00'", "2024-03-01T00:30:00+00:00", true);
        check("D:21000228233000-01'00'", "2100-03-01T00:30:00Z", true);
        check("D:20261122203333Z", "2026-11-22T20:33:33.999Z", true);
        check("D:20261122203333", "2026-11-22T20:33:33+01:00", true);
        check("D:20261122203333Z", "2026-11-22T20:33:34Z", false);
        check("D:20261122203333Z", "2026-11-22T20:33:33+01:00", false);
        check("D:2026", "2026-01-01", true);
        check("D:2026", "2026-11-22", false);
    }
}
