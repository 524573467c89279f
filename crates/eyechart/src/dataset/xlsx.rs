//! Workbooks of spreadsheet programs (`.xlsx`): the rows of the first sheet, below a header row with the column names.
//!
//! No formula is evaluated: a cell has the value that the program has stored with it. A row with a formula without such a
//! value is a bad row. Does not know what the columns mean.

mod limits;

use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ::csv::ByteRecord;
use calamine::{
    CellErrorType, DataRef, ExcelDateTime, Reader as _, Xlsx as Workbook, XlsxCellFormulaMetadataRecord,
    XlsxError, open_workbook_from_rs,
};
use serde_json::{Map, Value};

use self::limits::unpack_once;
use super::csv::named_columns;
use super::rows::{find_columns, numbered};
use super::{DatasetError, Files, Pick, Reader, Rows, io_error};
use crate::files::{guarded, open_regular};
use crate::types::{BadRow, Row};

/// A sheet that takes more memory is refused: a workbook has each text once, and any number of cells can have it.
const MAX_SHEET_BYTES: usize = 1 << 30;

/// The number of columns that a spreadsheet program can have.
const MAX_COLUMNS: u32 = 16_384;

/// The rows of the first sheet of each file, numbered over all files. Each has its own header row: the first row with a
/// cell that is not empty. Rows without such a cell are skipped. A number, a truth value and a text stay what they are;
/// a date is a text (`2026-11-29`).
pub(super) struct Xlsx {
    files: Vec<Arc<SheetFile>>,
}

/// A file, and its sheet once it was read.
struct SheetFile {
    path: PathBuf,
    sheet: OnceLock<Arc<Sheet>>,
}

/// The first sheet of a workbook.
struct Sheet {
    path: PathBuf,
    /// The name of the sheet.
    title: String,
    names: Vec<String>,
    rows: Vec<SheetRow>,
    notices: Vec<String>,
}

/// The cells of a row that are not empty, by the number of their column.
#[derive(Default)]
struct SheetRow {
    /// From 1.
    number: u64,
    cells: Vec<(usize, Value)>,
    /// The first cell that cannot be read.
    fault: Option<CellFault>,
}

/// A cell that cannot be read.
struct CellFault {
    /// From 0.
    column: u32,
    kind: CellFaultKind,
}

enum CellFaultKind {
    /// The spreadsheet program shows this error.
    Error(CellErrorType),
    /// No spreadsheet program has evaluated the formula. Libraries write formulas without a value (openpyxl) or with 0
    /// (XlsxWriter).
    NotEvaluated,
}

impl Xlsx {
    pub(super) fn new(files: &Files) -> Self {
        let file = |path: &PathBuf| Arc::new(SheetFile { path: path.clone(), sheet: OnceLock::new() });
        Self { files: files.paths.iter().map(file).collect() }
    }
}

impl Reader for Xlsx {
    /// Rows have all cells, whatever columns are named. An empty cell is an empty text, as in a table of text.
    fn rows(&self, pick: Pick, columns: &[String]) -> Result<Rows, DatasetError> {
        let columns = columns.to_vec();
        let open = move |file: &SheetFile| {
            let sheet = file.sheet()?;
            find_columns(&sheet.path, &columns, &sheet.names)?;
            Ok(sheet)
        };
        let first = self.files.first().map(|file| open(file)).transpose()?;
        let others = self.files.clone().into_iter().skip(1).map(move |file| open(&file));
        let rows = first.map(Ok).into_iter().chain(others).flat_map(|sheet| match sheet {
            Ok(sheet) => {
                let rows = 0..sheet.rows.len();
                Box::new(rows.map(move |at| Ok((Arc::clone(&sheet), at))))
                    as Box<dyn Iterator<Item = _> + Send>
            }
            Err(error) => Box::new(std::iter::once(Err(error))),
        });
        Ok(numbered(rows, pick, |number, (sheet, at): (Arc<Sheet>, usize)| {
            sheet.row(number, &sheet.rows[at])
        }))
    }

    fn columns(&self) -> Result<Option<Vec<String>>, DatasetError> {
        self.files.first().map(|file| Ok(file.sheet()?.names.clone())).transpose()
    }

    fn notices(&self) -> Result<Vec<String>, DatasetError> {
        self.files.first().map_or(Ok(Vec::new()), |file| Ok(file.sheet()?.notices.clone()))
    }
}

impl SheetFile {
    fn sheet(&self) -> Result<Arc<Sheet>, DatasetError> {
        if let Some(sheet) = self.sheet.get() {
            return Ok(Arc::clone(sheet));
        }
        let malformed = |reason| DatasetError::Malformed { path: self.path.clone(), format: "xlsx", reason };
        let read = guarded(|| Sheet::read(&self.path)).map_err(|panic| malformed(panic.to_string()))?;
        let sheet = Arc::new(read?);
        Ok(Arc::clone(self.sheet.get_or_init(|| sheet)))
    }
}

impl Sheet {
    fn read(path: &Path) -> Result<Self, DatasetError> {
        let malformed = |reason| DatasetError::Malformed { path: path.to_owned(), format: "xlsx", reason };
        let open = || open_regular(path).map(BufReader::new).map_err(io_error(path));
        let parts = unpack_once(open()?).map_err(malformed)?;
        let wrong = |error: XlsxError| malformed(error.to_string());
        let mut workbook: Workbook<_> = open_workbook_from_rs(open()?).map_err(wrong)?;
        let sheets = workbook.sheet_names();
        let first = sheets.first().cloned().ok_or_else(|| malformed("it has no sheet".to_owned()))?;
        let rows = read_rows(&mut workbook, &first, parts.need_calculation).map_err(malformed)?;
        let mut rows = rows.into_iter();
        let header = rows.next().ok_or_else(|| malformed(format!("its sheet {first:?} is empty")))?;
        if let Some(fault) = &header.fault {
            return Err(malformed(fault.in_words(&first, header.number)));
        }
        let named = named_columns(&names_in(&header)).map_err(malformed)?;
        let mut notices = named.notices;
        if sheets.len() > 1 {
            notices.push(format!("it has {} sheets, of which the first is read, {first:?}", sheets.len()));
        }
        if parts.have_merged_cells {
            notices.extend(merged_notice(&mut workbook, &first));
        }
        Ok(Self { path: path.to_owned(), title: first, names: named.names, rows: rows.collect(), notices })
    }

    fn row(&self, number: u64, row: &SheetRow) -> Result<Row, BadRow> {
        let bad = |reason| {
            let file = self.path.to_string_lossy().into_owned();
            Err(BadRow { number, file, line: row.number, reason, is_damage: false })
        };
        if let Some(fault) = &row.fault {
            return bad(fault.in_words(&self.title, row.number));
        }
        let mut cells: Map<_, _> = self.names.iter().map(|name| (name.clone(), Value::from(""))).collect();
        for (column, value) in &row.cells {
            match self.names.get(*column) {
                Some(name) => drop(cells.insert(name.clone(), value.clone())),
                None => {
                    return bad(format!(
                        "a cell in column {}, which has no name in the header row",
                        column + 1
                    ));
                }
            }
        }
        Ok(Row { number, cells, ..Row::default() })
    }
}

impl CellFault {
    fn in_words(&self, sheet: &str, row: u64) -> String {
        match &self.kind {
            CellFaultKind::Error(error) => format!("column {} has the error {error}", self.column + 1),
            CellFaultKind::NotEvaluated => format!(
                "the cell {} of the sheet {sheet:?} has a formula that no spreadsheet program has evaluated: open the file in \
                 one and save it",
                cell_name(self.column, row)
            ),
        }
    }
}

/// The name of a cell, such as `C2`. `column` counts from 0, `row` from 1.
fn cell_name(column: u32, row: u64) -> String {
    let mut letters = Vec::new();
    let mut left = column + 1;
    while left > 0 {
        left -= 1;
        letters.push(char::from(b'A' + (left % 26) as u8));
        left /= 26;
    }
    letters.iter().rev().chain(row.to_string().chars().collect::<Vec<_>>().iter()).collect()
}

/// What the user should know if cells of the sheet are merged.
fn merged_notice<R: io::Read + io::Seek>(workbook: &mut Workbook<R>, sheet: &str) -> Option<String> {
    let merged = workbook.merge_cells_by_sheet_name(sheet).ok()?;
    let first = merged.first()?;
    let [start, end] = [first.start, first.end].map(|(row, column)| cell_name(column, u64::from(row) + 1));
    Some(format!(
        "its sheet {sheet:?} has merged cells, such as {start}:{end}: only the first of them has the value, the others are \
         empty"
    ))
}

/// The header's texts, with an empty one for each empty cell between them.
fn names_in(header: &SheetRow) -> ByteRecord {
    let count = header.cells.iter().map(|(column, _)| column + 1).max().unwrap_or(0);
    let mut names = vec![String::new(); count];
    for (column, value) in &header.cells {
        names[*column] = crate::types::text_of(value);
    }
    ByteRecord::from(names)
}

/// The rows of a sheet that have a cell. The sheet is read cell by cell: the size that it gives for itself is not used.
fn read_rows<R: io::Read + io::Seek>(
    workbook: &mut Workbook<R>,
    sheet: &str,
    needs_calculation: bool,
) -> Result<Vec<SheetRow>, String> {
    let mut cells = workbook.worksheet_cells_reader(sheet).map_err(|error| error.to_string())?;
    let (mut rows, mut bytes): (Vec<SheetRow>, usize) = (Vec::new(), 0);
    while let Some(cell) = cells.next_cell_with_formula_metadata().map_err(|error| error.to_string())? {
        let (row, column) = cell.pos;
        let value = match value_of(&cell, needs_calculation) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => continue,
            Err(fault) => Err(fault),
        };
        if column >= MAX_COLUMNS {
            return Err(format!(
                "its sheet has a cell in column {}, beyond {MAX_COLUMNS}",
                u64::from(column) + 1
            ));
        }
        bytes +=
            size_of::<(usize, Value)>() + value.as_ref().ok().and_then(Value::as_str).map_or(0, str::len);
        if bytes > MAX_SHEET_BYTES {
            return Err(format!(
                "its sheet takes more than {} MiB of memory: refused",
                MAX_SHEET_BYTES >> 20
            ));
        }
        let number = u64::from(row) + 1;
        if rows.last().is_none_or(|last| last.number != number) {
            rows.push(SheetRow { number, ..SheetRow::default() });
        }
        let Some(row) = rows.last_mut() else { continue };
        match value {
            Ok(value) => row.cells.push((column as usize, value)),
            Err(kind) => drop(row.fault.get_or_insert(CellFault { column, kind })),
        }
    }
    Ok(rows)
}

/// The value of a cell; nothing if it is empty. A formula whose value is an empty text has that text stored with it.
/// `needs_calculation`: a library has stored 0 with formulas that were not evaluated.
fn value_of(
    cell: &XlsxCellFormulaMetadataRecord<'_>,
    needs_calculation: bool,
) -> Result<Option<Value>, CellFaultKind> {
    let text = |text: &str| (!text.is_empty()).then(|| Value::from(text));
    Ok(match &cell.value {
        DataRef::Empty if cell.formula.is_some() => return Err(CellFaultKind::NotEvaluated),
        DataRef::Float(number) if needs_calculation && cell.formula.is_some() && *number == 0.0 => {
            return Err(CellFaultKind::NotEvaluated);
        }
        DataRef::Empty => None,
        DataRef::Int(number) => Some(Value::from(*number)),
        DataRef::Float(number) => Some(number_of(*number)),
        DataRef::Bool(value) => Some(Value::from(*value)),
        DataRef::String(value) | DataRef::DateTimeIso(value) | DataRef::DurationIso(value) => text(value),
        DataRef::SharedString(value) => text(value),
        DataRef::DateTime(time) => Some(time_of(time)),
        DataRef::Error(error) => return Err(CellFaultKind::Error(error.clone())),
    })
}

/// A workbook has only floating-point numbers: one without a fraction is an integer.
fn number_of(number: f64) -> Value {
    const LARGEST: f64 = 9e18;
    if number.fract() == 0.0 && number.abs() <= LARGEST {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}

/// `2026-11-29`, `2026-11-29 08:30:00`, or a time of day or a duration such as `08:30:00` or `30:15:00`.
fn time_of(time: &ExcelDateTime) -> Value {
    let days = time.as_f64();
    if !time.is_datetime() || (0.0..1.0).contains(&days) {
        let seconds = (days.abs() * 86_400.0).round() as u64;
        let sign = if days < 0.0 { "-" } else { "" };
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        return Value::from(format!("{sign}{hours:02}:{minutes:02}:{:02}", seconds % 60));
    }
    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    match (hour, minute, second) {
        (0, 0, 0) => Value::from(date),
        _ => Value::from(format!("{date} {hour:02}:{minute:02}:{second:02}")),
    }
}
