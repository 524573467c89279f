//! The names of columns that public datasets use.

pub(super) const QUESTIONS: [&str; 17] = [
    "question",
    "query",
    "instruction",
    "problem",
    "prompt",
    "input",
    "问题",
    "题目",
    "質問",
    "질문",
    "frage",
    "pregunta",
    "pergunta",
    "domanda",
    "вопрос",
    "問題",
    "q",
];
pub(super) const TARGETS: [&str; 42] = [
    "answer",
    "answers",
    "label",
    "labels",
    "gt",
    "gt_answer",
    "ground_truth",
    "target",
    "targets",
    "reference",
    "references",
    "reference_output",
    "reference_answer",
    "response",
    "output",
    "solution",
    "caption",
    "captions",
    "description",
    "答案",
    "回答",
    "正解",
    "정답",
    "答え",
    "lösung",
    "antwort",
    "réponse",
    "respuesta",
    "resposta",
    "risposta",
    "ответ",
    "odpowiedź",
    "answer_key",
    "answer_idx",
    "answer_index",
    "correct_idx",
    "correct_index",
    "correct_option",
    "correct",
    "truth",
    "gold",
    "richtig",
];
pub(super) const IDS: [&str; 10] =
    ["id", "question_id", "sample_id", "item_id", "qid", "uid", "uuid", "pid", "idx", "index"];

/// A column of this name holds the question if there is an answer column, and otherwise the reference.
pub(super) const TEXT: &str = "text";

/// Words at the end of a name that say nothing about the role of the column.
const IDLE_WORDS: [&str; 8] = ["text", "content", "str", "string", "en", "stem", "body", "raw"];

/// Words in the name of a column that gives the right option, such as `answerKey`.
const ANSWER_WORDS: [&str; 8] =
    ["answer", "correct", "right", "gold", "label", "target", "truth", "solution"];

/// The place of a name, or of its last word, in `known`.
pub(super) fn rank(name: &str, known: &[&str]) -> Option<usize> {
    let name = normal(name);
    let exact = known.iter().position(|known| *known == name);
    let mut words = name.split('_').filter(|word| !word.is_empty()).collect::<Vec<_>>();
    while words.len() > 1 && words.last().is_some_and(|last| IDLE_WORDS.contains(last)) {
        words.pop();
    }
    let last = words.last().copied().unwrap_or_default();
    exact.or_else(|| known.iter().position(|known| *known == last).map(|at| at + known.len()))
}

/// The name in lower case with `_` between its words.
pub(super) fn normal(name: &str) -> String {
    let spaced = name.trim().replace(|c: char| !c.is_alphanumeric(), "_");
    let mut normal = String::with_capacity(spaced.len());
    let mut after_lower = false;
    for letter in spaced.chars() {
        if after_lower && letter.is_uppercase() {
            normal.push('_');
        }
        after_lower = letter.is_lowercase();
        normal.extend(letter.to_lowercase());
    }
    normal
}

pub(super) fn is_id_name(name: &str) -> bool {
    let name = normal(name);
    let words: Vec<&str> = name.split('_').collect();
    let is_word = |known: &[&str]| words.last().is_some_and(|last| known.contains(last));
    // `answer_key` and `correct_idx` give the right option.
    let is_answer = words.iter().any(|word| ANSWER_WORDS.contains(word));
    is_word(&["id", "ids", "uuid"]) || is_word(&["idx", "index", "key"]) && !is_answer
}
