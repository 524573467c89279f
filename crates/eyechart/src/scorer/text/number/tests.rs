//! Tests of the rules of `number`.

use super::*;

fn read(text: &str) -> Option<f64> {
    read_number(text).map(|read| read.value())
}

fn exact(answer: &str, reference: &str) -> NumberMatch {
    number(answer, reference, Tolerance::default())
}

#[test]
fn currency_units_and_thousands_separators_do_not_count() {
    for (text, value) in [
        ("$1,234.50", 1234.5),
        ("1 234,50 €", 1234.5),
        ("USD 1,234.50", 1234.5),
        ("Rp25000", 25000.0),
        ("R$ 5,75", 5.75),
        ("5kg", 5.0),
        ("5 km/h", 5.0),
        ("20°C", 20.0),
        ("12 m²", 12.0),
        ("12 cm^2", 12.0),
        ("**42**", 42.0),
        ("\\(90^\\circ\\)", 90.0),
        ("a 5-year plan", 5.0),
        ("the 3rd row", 3.0),
        ("共12个", 12.0),
        ("４２", 42.0),
        ("<b>7</b>", 7.0),
        ("No.5", 5.0),
        ("~5", 5.0),
    ] {
        assert_eq!(read(text), Some(value), "{text}");
    }
}

#[test]
fn signs_are_read_and_hyphens_are_not() {
    for (text, value) in [
        ("-4", -4.0),
        ("−4", -4.0),
        ("Answer: − 4", -4.0),
        ("-$4.50", -4.5),
        ("$-4.50", -4.5),
        ("minus 4", -4.0),
        ("negative four", -4.0),
        ("+4", 4.0),
        ("Total - 4", 4.0),
        ("- 4", 4.0),
        ("-.5", -0.5),
    ] {
        assert_eq!(read(text), Some(value), "{text}");
    }
}

#[test]
fn exponents_and_scales_are_read() {
    for (text, value) in [
        ("1e3", 1000.0),
        ("2.5E-2 m", 0.025),
        ("3 million", 3e6),
        ("$1.5bn", 1.5e9),
        ("$5k", 5000.0),
        ("3万", 30_000.0),
        ("2.5 lakh", 250_000.0),
    ] {
        assert_eq!(read(text), Some(value), "{text}");
    }
    for text in ["5K", "5k", "3M", "2 dozen", "1e99999999999999999999", "2 million five hundred"] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn an_answer_is_read_if_it_holds_one_number() {
    assert_eq!(read("There are 12 red cars in the B2 car park."), Some(12.0));
    assert_eq!(read("5 + 7 = 12"), None);
    assert_eq!(read("In 2023 the total was 45."), None);
    assert_eq!(read("The total is 12. So the answer is **12.0**."), Some(12.0));
    assert_eq!(read("no number here"), None);
    assert_eq!(read(""), None);
    assert_eq!(read("COVID-19 and GPT-4.5"), None);
}

#[test]
fn dates_times_ranges_fractions_and_bounds_are_not_read() {
    for text in [
        "10:30",
        "12/15/89",
        "2024-05-03",
        "3/4",
        "½",
        "2½",
        "10-12",
        "10–12",
        "5 to 5",
        "3 × 3",
        "3x3",
        "2x4",
        "10^3",
        "3²",
        "1.2.3",
        "<5",
        "> 5",
        "≥ 5",
        "± 5",
        "0x1F",
        "5 out of 5",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn a_number_in_parentheses_only_is_not_read() {
    assert_eq!(read("(3)"), None);
    assert_eq!(read("a loss of ($1,234)"), None);
    assert_eq!(read("three (3) cars"), Some(3.0));
    assert_eq!(read("3 (three)"), Some(3.0));
    assert_eq!(read("(-3)"), Some(-3.0));
    assert_eq!(read("5 (3)"), None);
    assert_eq!(read("three (4) cars"), None);
    assert_eq!(read("\\(3\\)"), Some(3.0));
}

#[test]
fn english_number_words_are_read() {
    for (text, value) in [
        ("Three.", 3.0),
        ("There are twenty-one cars.", 21.0),
        ("one hundred and five", 105.0),
        ("Two hundred thousand", 200_000.0),
        ("three million two hundred thousand and six", 3_200_006.0),
        ("twelve hundred", 1200.0),
        ("two thousand twenty-four", 2024.0),
        ("zero", 0.0),
        ("One", 1.0),
        ("There is one.", 1.0),
        ("one red car", 1.0),
        ("a hundred", 100.0),
    ] {
        assert_eq!(read(text), Some(value), "{text}");
    }
    for text in [
        "twenty twenty",
        "three or four",
        "no one",
        "the one on the left",
        "one of them",
        "two and a half",
        "two thirds",
        "three point five",
        "two dozen",
        "hundred hundred",
        "five hundred hundred",
        "thousand million",
        "twenty zero",
        "hundreds of cars",
        "bone",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn numbers_match_by_value() {
    assert_eq!(exact("$3.00", "3"), NumberMatch::Right);
    assert_eq!(exact("three", "3.0"), NumberMatch::Right);
    assert_eq!(exact("4", "3"), NumberMatch::Wrong);
    assert_eq!(exact("9007199254740993", "9007199254740992"), NumberMatch::Wrong);
    assert_eq!(exact("unknown", "3"), NumberMatch::AnswerNotRead);
    assert_eq!(exact("3", "n/a"), NumberMatch::ReferenceNotRead);
}

#[test]
fn a_percent_sign_on_one_side_has_two_readings() {
    assert_eq!(exact("12.5%", "12.5"), NumberMatch::Right);
    assert_eq!(exact("12.5 percent", "0.125"), NumberMatch::Right);
    assert_eq!(exact("12.5", "12.5 %"), NumberMatch::Right);
    assert_eq!(exact("0.125", "12.5%"), NumberMatch::Right);
    assert_eq!(exact("12.5%", "0.125%"), NumberMatch::Wrong);
    assert_eq!(exact("12.5", "0.125"), NumberMatch::Wrong);
}

#[test]
fn both_bounds_of_the_tolerance_are_included_and_the_larger_one_counts() {
    let absolute = Tolerance { absolute: 0.1, relative: 0.0 };
    assert_eq!(number("1.1", "1.0", absolute), NumberMatch::Right);
    assert_eq!(number("1.11", "1.0", absolute), NumberMatch::Wrong);
    let relative = Tolerance { absolute: 0.0, relative: 0.05 };
    assert_eq!(number("-105", "-100", relative), NumberMatch::Right);
    assert_eq!(number("106", "100", relative), NumberMatch::Wrong);
    let both = Tolerance { absolute: 1.0, relative: 0.05 };
    assert_eq!(number("1", "0", both), NumberMatch::Right);
    assert_eq!(number("104", "100", both), NumberMatch::Right);
    assert_eq!(number("5", "3", Tolerance { absolute: f64::NAN, relative: -1.0 }), NumberMatch::Wrong);
}

#[test]
fn the_span_holds_sign_and_digits() {
    let text = "Größe: −1,234.5 kg";
    let read = read_number(text).unwrap();
    assert_eq!(&text[read.span], "−1,234.5");
    let text = "It shows minus twenty-one units";
    assert_eq!(&text[read_number(text).unwrap().span], "minus twenty-one");
}

#[test]
fn a_long_answer_is_read_in_linear_time() {
    for text in ["1 ", "1, ", "a1", "-", "(", "one ", "twenty ", "1_", "\\(", "$", "1-", "e", "1e", "½", "١"]
    {
        let _ = read_number(&text.repeat(40_000));
    }
}
