//! The words that the reader understands, in seven languages, each with its roles in a sentence.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

/// The roles that a word can have, as a set of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Roles(u64);

impl Roles {
    pub(super) const NONE: Self = Self(0);
    /// "the", "a": not compared in option texts.
    pub(super) const ARTICLE: Self = Self(1);
    /// "it", "this": may be the subject of a commitment.
    pub(super) const PRONOUN: Self = Self(1 << 1);
    /// "is", "be", "seems".
    pub(super) const COPULA: Self = Self(1 << 2);
    /// "should", "does", "to": may be between a subject and its verb.
    pub(super) const AUXILIARY: Self = Self(1 << 3);
    /// "would", "could", "might".
    pub(super) const SUBJUNCTIVE: Self = Self(1 << 4);
    pub(super) const NOT: Self = Self(1 << 5);
    /// Negations that follow what they negate: "ではなく", "아니라".
    pub(super) const NOT_BEFORE: Self = Self(1 << 6);
    pub(super) const AND: Self = Self(1 << 7);
    pub(super) const OR: Self = Self(1 << 8);
    pub(super) const BUT: Self = Self(1 << 9);
    pub(super) const IF: Self = Self(1 << 10);
    pub(super) const BECAUSE: Self = Self(1 << 11);
    /// "wait", "actually", "sorry": a commitment that follows replaces an earlier one.
    pub(super) const CORRECTION: Self = Self(1 << 12);
    /// "therefore", "so".
    pub(super) const CONCLUSION: Self = Self(1 << 13);
    /// "answer", "solution".
    pub(super) const ANSWER: Self = Self(1 << 14);
    /// "option", "choice", "letter".
    pub(super) const OPTION: Self = Self(1 << 15);
    /// "correct", "best", "✓".
    pub(super) const RIGHT: Self = Self(1 << 16);
    /// "wrong", "incorrect", "eliminated", "✗".
    pub(super) const WRONG: Self = Self(1 << 17);
    /// "choose", "pick", "select".
    pub(super) const CHOOSE: Self = Self(1 << 18);
    /// "matches", "fits", "corresponds".
    pub(super) const MATCH: Self = Self(1 << 19);
    /// "instead of", "rather than", "except": what follows is excluded.
    pub(super) const EXCLUDE: Self = Self(1 << 20);
    /// Words that decide nothing: "probably", "clearly", "of", "with".
    pub(super) const FILLER: Self = Self(1 << 21);
    /// "second", "2nd".
    pub(super) const ORDINAL: Self = Self(1 << 22);
    /// "final".
    pub(super) const FINAL: Self = Self(1 << 23);
    /// "whether", "unclear": the sentence commits to nothing.
    pub(super) const UNSURE: Self = Self(1 << 24);
    /// "doubt", "question": cancels a "no" before it.
    pub(super) const DOUBT: Self = Self(1 << 25);
    /// "none", "nothing".
    pub(super) const NOTHING: Self = Self(1 << 26);
    /// "initially", "first glance": a commitment that the answer itself retracts.
    pub(super) const EARLIER: Self = Self(1 << 27);
    /// Words that come after "none of the": "above", "these", "options".
    pub(super) const THESE: Self = Self(1 << 28);
    /// "of".
    pub(super) const OF: Self = Self(1 << 29);
    /// A dot after it does not end a sentence.
    pub(super) const ABBREVIATION: Self = Self(1 << 30);
    /// "other", "others".
    pub(super) const OTHER: Self = Self(1 << 31);
    /// "last".
    pub(super) const LAST: Self = Self(1 << 32);
    /// A number word, which has a value.
    pub(super) const NUMBER: Self = Self(1 << 33);
    /// "only", "just": cancels a "not" before it.
    pub(super) const ONLY: Self = Self(1 << 34);
    /// "you", "we", "I": who looks, in "if you look closely".
    pub(super) const PERSON: Self = Self(1 << 35);
    /// "can", "able", "possible": with a negation, a refusal.
    pub(super) const CAN: Self = Self(1 << 36);
    /// "tell", "determine", "answer": what a refusal cannot do.
    pub(super) const KNOW: Self = Self(1 << 37);
    /// "all".
    pub(super) const ALL: Self = Self(1 << 38);
    /// "think", "believe", "say".
    pub(super) const THINK: Self = Self(1 << 39);
    /// "also": a commitment that is added to the one before.
    pub(super) const ALSO: Self = Self(1 << 41);
    /// "yes".
    pub(super) const YES: Self = Self(1 << 42);
    /// "no" as a reply.
    pub(super) const NO: Self = Self(1 << 43);
    /// "indicates", "suggests", "means": picks an option unless its subject is a thing in the picture.
    pub(super) const POINT: Self = Self(1 << 44);
    /// "shows": what follows is in the picture, and may be an option.
    pub(super) const SHOW: Self = Self(1 << 45);
    /// "hard", "unable": with a verb of knowing, a refusal.
    pub(super) const DIFFICULT: Self = Self(1 << 40);

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether the two sets share a role.
    pub(super) const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// The entry of a word in the lexicon.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) roles: Roles,
    /// The value of a number word or of an ordinal; 0 for other words.
    pub(super) value: u8,
    /// The key by which the word is compared: the key of its plain synonym ("%" for "percent").
    pub(super) key: u64,
}

use Roles as R;

/// Words by role. A word in several lines has all their roles.
const WORDS: &[(Roles, &str)] = &[
    (R::ARTICLE, "a an the le la les l un une der die das den dem ein eine einen el los las una"),
    (
        R::PRONOUN,
        "it this that these those there which what its thats heres he she they ce c cela ça es dies dieses eso esto esta este 这 这个 它 这是 它是 これ それ これは それは 이것 이것은 그것은 lo",
    ),
    (
        R::COPULA,
        "is are was were be been being its thats heres equals seems appears looks like remains isnt arent wasnt werent est sont était ist sind war ware wäre es son era fue está sería serait lautet 是 为 為 这是 它是 应是 应为 就是 不是 并不是 并非 は が です である になります となります 정답은 답은 은 는 이 가 입니다 이다 이에요 예요 c",
    ),
    (
        R::AUXILIARY,
        "wählen waehlen nehmen should must will can shall ought to has have had do does did doesnt dont didnt cannot cant could would might may shouldnt wont ll d ve doit peut soll muss kann debe puede 应 应该 应当 必须 makes make making 可以",
    ),
    (
        R::SUBJUNCTIVE,
        "would could might may serait pourrait wäre würde könnte sería podría id wouldnt couldnt",
    ),
    (
        R::NOT,
        "not no never nothing isnt arent wasnt werent doesnt dont didnt cannot cant couldnt wouldnt shouldnt wont hasnt havent neither nor non n ne pas ni nicht kein keine keinen weder noch sin 不是 并不是 并非 不 没有 没 非 既不 也不是 也不 不应 不选 不会 without hardly jamais aucun aucune nie nunca tampoco nope",
    ),
    (
        R::NOT_BEFORE,
        "ない なく ありません 않습니다 않다 않는 않으며 않고 ではなく ではない ではありません じゃない じゃなく でない 아니라 아니고 아닙니다 아니다 아니며",
    ),
    (R::AND, "and et und y e & plus 和 与 及 以及 と 와 과 및"),
    (R::OR, "or ou oder o u nor ni 或 或者 还是 か または もしくは 또는 이나 혹은 noch"),
    (
        R::BUT,
        "but however though although whereas while rather instead yet mais sondern aber pero sino cependant toutefois jedoch 但 但是 而是 然而 不过 しかし ただし だが ではなく 하지만 그러나 아니라 后来 现在 plutôt",
    ),
    (
        R::IF,
        "if unless provided assuming suppose supposing otherwise si wenn sofern 如果 若 假如 假设 要是 もし なら ならば 만약 만일 라면 sauf",
    ),
    (
        R::BECAUSE,
        "because since as due given parce puisque weil da denn porque ya puesto 因为 由于 ので から ため 때문에 왜냐하면 for",
    ),
    (
        R::CORRECTION,
        "wait actually sorry correction oops apologies apologize scratch mistake mistaken change reflection revise revised revising reconsider reconsidering recheck rechecking reexamine reexamining reexamination changed attends attendez pardon erratum warte moment eigentlich korrektur entschuldigung espera corrección perdón realidad 等等 更正 抱歉 不对 修正 其实 实际上 訂正 すみません 待って いや 아니요 잠깐 정정 죄송합니다 사실 다시 however hmm edit edited update updated correcting 哦不 噢不 啊不 更正为",
    ),
    (
        R::CONCLUSION,
        "therefore thus hence so consequently accordingly conclusion concluding conclude ultimately overall finally summary donc ainsi daher deshalb somit folglich insgesamt fazit zusammenfassend asi así tanto consiguiente conclusión 因此 所以 故 综上 综上所述 因而 总之 最终 よって したがって 従って ゆえに つまり 결론 따라서 그러므로 그래서 결국",
    ),
    (
        R::ANSWER,
        "answer answers response ans réponse reponse antwort lösung loesung solution respuesta solución solucion 答案 答 正解 答え 答 解答 回答 정답 답 답변 정답은 답은 risposta resposta ansr",
    ),
    (
        R::OPTION,
        "option options choice choices letter alternative candidate opt lettre choix option buchstabe auswahl möglichkeit opción opcion letra alternativa elección 选项 選択肢 選択 선택지 보기 번 번째 番 号 antwortmöglichkeit selection",
    ),
    (
        R::RIGHT,
        "correct right best true accurate appropriate suitable likely valid ✓ ✔ ✅ ☑ correcte correct juste bonne bon exacte meilleure richtig richtige korrekt korrekte stimmt beste zutreffend correcta correcto mejor cierta 正确 对 正确的 最佳 正しい 適切 正しく 맞 맞습니다 맞다 옳 올바른 정확 closest 才对",
    ),
    (
        R::WRONG,
        "wrong incorrect false inaccurate invalid incorrectly eliminated excluded dismissed rejected discarded implausible impossible unlikely irrelevant mistaken inconsistent ✗ ✘ ❌ ✖ ❎ × faux fausse incorrecte incorrect fausses exclue exclus falsch inkorrekt unzutreffend ausgeschlossen incorrecta incorrecto falsa falso descartada 错误 错 不正确 不对 错的 排除 不符 不符合 間違い 誤り 不正解 間違っ 違い 違う 誤っ 틀렸 틀린 틀립니다 틀리다 오답 잘못",
    ),
    (
        R::CHOOSE,
        "meant choose chose choosing pick picking select selecting selected chosen picked opt vote guess choisis choisirais opte wählen waehlen nehmen wähle waehle nehme tippe elijo escojo selecciono elegiría 选 选择 应选 我选 故选 选项是 我选择 我会选 我会选择 应选择 故选择 選び 選ぶ 選びます 선택 고르 go going lean leaning settle",
    ),
    (
        R::MATCH,
        "leaves leaving matches match matching fits fit fitting corresponds correspond corresponding described represents agrees aligns consistent satisfies correspond passt entspricht corresponde coincide 符合 对应 符合的 apply applies suits",
    ),
    (
        R::EXCLUDE,
        "than except excluding excludes exclude excluded eliminate eliminates eliminating eliminated discard discarding dismiss unlike instead rule rules ruling ruled reject rejecting sauf plutôt éliminer excepté statt anstatt außer ausschließen excepto descartar descarto 除了 除 排除 而不是 以外 제외 rejected discarded dismissed disregard disqualify",
    ),
    (
        R::FILLER,
        "between probably clearly definitely likely most certainly surely obviously maybe perhaps indeed also really quite very simply just only out over of on in with for to at by be here then again one ones option well okay ok yes sure most more that too still now m re hereby certain instead evidently apparently presumably therefore thus clear plainly best up away can de du des dans par à pour sans wohl wahrscheinlich eindeutig ganz einfach claramente probablemente en del con por seguro 很 最 应该 应 该 的 了 也 就 也是 都 显然 大概 可能 でしょう と思います だと思います です も の に を 을 를 도 의 로 으로 bien gut に違いない 違いない 間違いない 間違いなく しかない しかありません given above following among either both soit entweder towards toward 才",
    ),
    (R::FINAL, "final finale endgültige endgueltige endgültig definitiva 最终 最終 최종 最后"),
    (
        R::UNSURE,
        "whether unsure unclear uncertain undetermined insufficient ob unklar unsicher 无法 不能 不确定 不知道 难以 わかりません できません 不明 判断できません 모르겠습니다 없습니다 incertain",
    ),
    (R::DIFFICULT, "unable difficult hard impossible imposible unmöglich schwer difficile"),
    (R::DOUBT, "doubt question doubts hesitation wonder zweifel doute duda wonder"),
    (
        R::NOTHING,
        "none nothing neither aucune aucun keine keines keiner ninguna ninguno 以上都不是 以上皆非 都不是 均不是 以上都不对 どれでもない いずれでもない いずれも 해당 없음",
    ),
    (
        R::EARLIER,
        "initially glance originally thought zuerst zunächst dachte abord pensais inicialmente pensé 乍一看 起初 最初 一开始 원래 처음에는 previously seemed misread",
    ),
    (
        R::THESE,
        "these above them those options option choices choice answers answer given listed provided réponses propositions obigen genannten optionen anteriores opciones following alternatives candidates listed",
    ),
    (R::OF, "of de der von des del"),
    (R::ABBREVIATION, "vs dr mr mrs ms st approx fig etc resp ca inc ltd prof jr sr vol eq sec bzw ggf al"),
    (
        R::OTHER,
        "other others else remaining rest autres anderen andere otras demás 其他 其它 有人 有些人 很多人 许多人 别人 其余 他の 다른",
    ),
    (R::LAST, "last dernière dernier letzte última último 最后一个 最後 마지막"),
    (R::ONLY, "only just seulement uniquement nur solo sólo 仅 只"),
    (
        R::PERSON,
        "you we i one he on nous vous wir ich sie je yo nosotros 我 我们 你 私 저 저는 나는 ive im id ill my mine our let lets us me",
    ),
    (R::YES, "yes yeah yep ja oui true 是的 はい 네"),
    (R::NO, "no nope nein non 不 いいえ 아니요 아니"),
    (
        R::POINT,
        "indicates indicate indicating suggests suggest suggesting means mean meaning implies imply supports support favours favors favour favor leads lead confirms",
    ),
    (R::SHOW, "shows show depicts demonstrates"),
    (R::CAN, "can able possible cannot cant could kann peut puedo puede peux 可以"),
    (
        R::KNOW,
        "tell determine determined know say identify see provide assist help conclude decide determiner savoir dire sagen bestimmen beantworten saber determinar decir responder discern ascertain make read view confirm inferred verify",
    ),
    (
        R::ALL,
        "all everything every alles tout todo both tous toutes alle beide todos todas ambos 全部 都 以上都是 모두 すべて",
    ),
    (R::ALSO, "also too equally aussi auch también 也 也是 も 도"),
    (
        R::THINK,
        "think believe say guess feel suspect consider crois pense glaube denke creo pienso 认为 我认为 觉得 思います 생각합니다 생각 im suggest conclude suggests",
    ),
];

/// Number words and their values.
const NUMBER_WORDS: &str = "zero=0 one=1 two=2 three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9 ten=10 eleven=11 twelve=12 thirteen=13 fourteen=14 fifteen=15 sixteen=16 seventeen=17 eighteen=18 nineteen=19 twenty=20 thirty=30 forty=40 fifty=50 sixty=60 seventy=70 eighty=80 ninety=90 hundred=100";

/// Ordinals and their values.
const ORDINALS: &str = "first=1 second=2 third=3 fourth=4 fifth=5 sixth=6 seventh=7 eighth=8 ninth=9 tenth=10 première=1 premier=1 deuxième=2 seconde=2 troisième=3 quatrième=4 cinquième=5 erste=1 ersten=1 zweite=2 zweiten=2 dritte=3 dritten=3 vierte=4 vierten=4 fünfte=5 primera=1 primer=1 segunda=2 segundo=2 tercera=3 tercer=3 cuarta=4 cuarto=4 quinta=5 第一=1 第二=2 第三=3 第四=4 第五=5 第一个=1 第二个=2 第三个=3 第四个=4 一番目=1 二番目=2 三番目=3 四番目=4 첫=1 두=2 세=3 네=4";

/// Words that are compared as another word, such as the name of a unit as its sign.
const SYNONYMS: &[(&str, &str)] = &[
    ("percent", "%"),
    ("prozent", "%"),
    ("degree", "°"),
    ("degrees", "°"),
    ("√", "sqrt"),
    ("pi", "π"),
    ("times", "×"),
    ("centimeters", "cm"),
    ("centimetres", "cm"),
    ("kilometers", "km"),
    ("kilometres", "km"),
    ("meters", "m"),
    ("metres", "m"),
    ("kilograms", "kg"),
    ("grams", "g"),
    ("color", "colour"),
    ("gray", "grey"),
];

/// The constants of the FNV-1a hash with 64 bits.
pub(super) const OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01B3;

/// Returns the key of a folded text, for comparisons and for the lexicon.
pub(super) fn key_of(folded: &str) -> u64 {
    key_of_bytes(folded.as_bytes())
}

/// Returns the key of a folded text given as bytes.
pub(super) const fn key_of_bytes(text: &[u8]) -> u64 {
    let mut hash = OFFSET;
    let mut at = 0;
    while at < text.len() {
        hash = extend_key(hash, text[at]);
        at += 1;
    }
    hash
}

/// Returns the key of a text with one more byte. [`OFFSET`] is the key of the empty text.
pub(super) const fn extend_key(key: u64, byte: u8) -> u64 {
    (key ^ byte as u64).wrapping_mul(PRIME)
}

/// A hasher that does not hash again, because keys are hashes already.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }
    fn write_u64(&mut self, key: u64) {
        self.0 = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

type Table = HashMap<u64, Entry, BuildHasherDefault<KeyHasher>>;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::default();
    let mut add = |word: &str, roles: Roles, value: u8| {
        let key = key_of(word);
        let entry = table.entry(key).or_insert(Entry { roles: Roles::NONE, value: 0, key });
        entry.roles = entry.roles.with(roles);
        entry.value = entry.value.max(value);
    };
    for (roles, words) in WORDS {
        words.split(' ').for_each(|word| add(word, *roles, 0));
    }
    for (roles, list) in [(R::NUMBER, NUMBER_WORDS), (R::ORDINAL, ORDINALS)] {
        for (word, value) in list.split(' ').filter_map(|pair| pair.split_once('=')) {
            add(word, roles, value.parse().unwrap_or(0));
        }
    }
    for (word, plain) in SYNONYMS {
        let key = key_of(word);
        table.entry(key).or_insert(Entry { roles: Roles::NONE, value: 0, key }).key = key_of(plain);
    }
    table
});

/// Maximum length of a phrase in an unspaced script, in characters.
pub(super) const LONGEST_PHRASE: usize = 7;

/// Returns the entry of the word with this key; `None` if the lexicon does not have the word.
pub(super) fn look_up(key: u64) -> Option<Entry> {
    TABLE.get(&key).copied()
}
