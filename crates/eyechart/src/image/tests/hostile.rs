//! Pictures that are damaged, lie about themselves or were made to do harm: each is refused with a reason or goes
//! out, and none makes anything panic.

use proptest::prelude::*;

use super::*;

/// What decodes every picture.
fn scaled() -> ImagesSpec {
    ImagesSpec { max_side: std::num::NonZeroU32::new(8), ..plain() }
}

#[test]
fn a_picture_cut_off_anywhere_is_refused() {
    for (media_type, bytes) in samples().into_iter().chain([("lossy", LOSSY_WEBP.to_vec())]) {
        let lengths = (0..bytes.len()).step_by(10).chain(bytes.len().saturating_sub(12)..bytes.len());
        for length in lengths {
            let cut = prepare(&held(bytes[..length].to_vec()), &plain());
            assert!(cut.is_err(), "{media_type} cut at {length} of {}", bytes.len());
        }
    }
    let (png, jpeg) = (png(), jpeg());
    let half = &png[..png.len() / 2];
    assert_eq!(
        refused(half),
        format!("the PNG is cut off: its {} bytes end before its IEND chunk", half.len())
    );
    let most = &jpeg[..jpeg.len() - 20];
    let reason = format!("the JPEG is cut off: its {} bytes end before its end-of-image marker", most.len());
    assert!(refused(most).starts_with(&reason), "{}", refused(most));
}

#[test]
fn a_picture_without_pixels_or_with_too_many_is_refused_unread() {
    let with_width = |width: u32| {
        let mut png = png();
        png[16..20].copy_from_slice(&width.to_be_bytes());
        png
    };
    assert_eq!(refused(&with_width(0)), "the picture has no pixels: 0 × 30");
    assert_eq!(refused(&with_width(4_000_000)), "the picture has 4000000 × 30 pixels, over 100 million");
    assert!(refused(&with_width(u32::MAX)).ends_with("over 100 million"));
}

/// A chunk of a PNG. Its checksum is not looked at.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    let checksum = crc32fast::hash(&[&kind[..], data].concat()).to_be_bytes();
    [&length[..], kind, data, &checksum].concat()
}

#[test]
fn what_a_png_has_packed_beside_its_pixels_never_reaches_the_decoder() {
    let png = png();
    let (before, after) = png.split_at(33);
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut packed, &vec![0; 1 << 20]).unwrap();
    let packed = packed.finish().unwrap();
    for (kind, start) in [(b"iCCP", &b"x\0\0"[..]), (b"zTXt", b"x\0\0"), (b"iTXt", b"x\0\x01\0\0\0")] {
        let bomb = [before, &chunk(kind, &[start, &packed].concat()), after].concat();
        assert_eq!(png::without_packed_metadata(&bomb), png, "{kind:?}");
        assert_eq!(sent(&prepare(&held(bomb.clone()), &plain()).unwrap()), &bomb, "sent unchanged");
        assert!(prepare(&held(bomb), &scaled()).is_ok());
    }
    assert!(matches!(png::without_packed_metadata(&png), std::borrow::Cow::Borrowed(_)));
}

#[test]
fn damaged_pixels_are_found_where_they_are_decoded() {
    let mut png = png();
    let middle = png.len() / 2;
    png[middle..middle + 20].fill(0xAA);
    assert!(prepare(&held(png.clone()), &plain()).is_ok());
    let failure = prepare(&held(png), &as_jpeg()).unwrap_err();
    assert!(failure.message.contains("the picture cannot be decoded: "), "{failure}");
}

#[test]
fn a_picture_cut_off_anywhere_is_refused_where_it_would_be_decoded_too() {
    for (media_type, bytes) in samples() {
        for length in (0..bytes.len()).step_by((bytes.len() / 10).max(1)) {
            let cut = prepare(&held(bytes[..length].to_vec()), &scaled());
            assert!(cut.is_err(), "{media_type} cut at {length} of {}", bytes.len());
        }
    }
}

#[test]
fn the_magic_of_another_format_is_refused() {
    for (own, bytes) in samples() {
        for (other, others) in samples() {
            if own == other {
                continue;
            }
            let swapped = [&others[..12], &bytes[12..]].concat();
            for spec in [plain(), scaled()] {
                let failure = prepare(&held(swapped.clone()), &spec);
                assert!(failure.is_err(), "{own} that says it is {other}");
            }
        }
    }
}

#[test]
fn metadata_that_never_ends_or_points_at_itself_does_no_harm() {
    let segment = |marker: u8, data: &[u8]| {
        let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
        [&[0xFF, marker], &length[..], data].concat()
    };
    // A directory whose next directory is itself, one that promises 65,535 entries, one beyond the end.
    let looped = b"Exif\0\0MM\0\x2A\0\0\0\x08\0\0\0\0\0\x08";
    let crowded = b"Exif\0\0II\x2A\0\x08\0\0\0\xFF\xFF\x12\x01";
    let beyond = b"Exif\0\0MM\0\x2A\xFF\xFF\xFF\xF0";
    let nested = [&b"Exif\0\0"[..], &exif_segment(6, true).repeat(100)].concat();
    let profile = [&b"ICC_PROFILE\0\xFF\x01"[..], &[0xAA; 60_000]].concat();
    let segments = [
        segment(0xE1, looped),
        segment(0xE1, crowded),
        segment(0xE1, beyond),
        segment(0xE1, &nested),
        segment(0xE1, b"Exif\0\0"),
        segment(0xE1, b""),
        segment(0xE2, &profile).repeat(20),
        exif_segment(6, false).repeat(1000),
    ];
    for (number, segment) in segments.iter().enumerate() {
        let bytes = jpeg_with(segment);
        assert!(prepare(&held(bytes.clone()), &plain()).is_ok(), "segment {number}");
        match prepare(&held(bytes), &scaled()) {
            Ok(prepared) => assert!(prepared.record.changed.is_some()),
            Err(failure) => assert!(failure.message.contains("cannot be decoded"), "{failure}"),
        }
    }
}

#[test]
fn a_small_file_that_promises_many_pixels_is_refused_or_fails_to_decode() {
    let mut jpeg = jpeg();
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xFF, 0xFF, 0xFF]);
    assert!(refused(&jpeg).contains("over 100 million"));
    let mut png = png();
    png[16..24].copy_from_slice(&[0, 0, 0x27, 0x10, 0, 0, 0x27, 0x10]);
    let failure = prepare(&held(png), &scaled()).unwrap_err();
    assert!(failure.message.contains("cannot be decoded"), "{failure}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_the_bytes_there_is_an_answer(
        sample in 0..5_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        early in prop::collection::vec((0..40_usize, any::<u8>()), 0..2),
        end in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = samples().get(sample).map_or_else(|| LOSSY_WEBP.to_vec(), |sample| sample.1.clone());
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        for (at, value) in early {
            bytes[at] = value;
        }
        if is_cut {
            bytes.truncate(end.index(bytes.len()));
        }
        for spec in [plain(), as_jpeg(), scaled()] {
            if let Err(failure) = prepare(&held(bytes.clone()), &spec) {
                prop_assert!(failure.message.starts_with("a.parquet row 7 column image: "));
            }
        }
    }

    #[test]
    fn whatever_follows_a_signature_there_is_an_answer(
        signature in prop::sample::select(vec![
            &b"\x89PNG\r\n\x1A\n"[..], b"\xFF\xD8\xFF", b"GIF89a", b"RIFF\x10\0\0\0WEBPVP8 ", b"RIFF\0\0\0\0WEBPVP8L",
            b"BM\xFF\0\0\0\0\0\0\0", b"II\x2A\0\x08\0\0\0", b"MM\0\x2A\0\0\0\x08",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let picture = held([signature, &rest].concat());
        let _ = (prepare(&picture, &plain()), prepare(&picture, &scaled()));
    }
}
