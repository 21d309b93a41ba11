//! C++ names for layers of any spelling.

use std::collections::HashSet;

use crate::naming;

/// The longest stem taken from a layer's name; longer ones are cut. Vendors' tools join several
/// names into one and begin to shorten on their own at 80 characters.
const LONGEST_STEM: usize = 40;

/// Unique identifiers that are valid in C++, Verilog and VHDL. Names that differ in case alone count
/// as the same, as in file systems.
#[derive(Debug, Default)]
pub struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// A name for the layer `layer`: its own spelling where that is a valid, free identifier.
    ///
    /// ```
    /// use bitkiln::hls::Names;
    /// let mut names = Names::default();
    /// assert_eq!(names.stem("fc1"), "fc1");
    /// assert_eq!(names.stem("block/Conv 2D"), "block_Conv_2D");
    /// assert_eq!(names.stem("Fc1"), "Fc1_2");
    /// assert_eq!(names.stem("register"), "register_layer");
    /// ```
    pub fn stem(&mut self, layer: &str) -> String {
        self.unique(&identifier(layer, "layer"))
    }

    /// A name for the project `project`, as [`Names::stem`] has for a layer. It is the top
    /// function's, too, and leaves the testbench its own names. A name given here is its own name.
    ///
    /// ```
    /// use bitkiln::hls::Names;
    /// let mut names = Names::default();
    /// assert_eq!(names.project("jet tagger"), "jet_tagger");
    /// assert_eq!(Names::default().project("main"), "main_network");
    /// ```
    pub fn project(&mut self, project: &str) -> String {
        let name = identifier(project, "network");
        let lower = name.to_lowercase();
        let is_taken = TESTBENCH.split_ascii_whitespace().any(|word| word == lower);
        // The vectors of each argument are called after it.
        let name = match is_taken || lower.ends_with("_vectors") {
            true => format!("{}_network", cut(&name, "network")),
            false => name,
        };
        self.unique(&name)
    }

    /// `wanted`, followed by a number if that name is taken. `wanted` must be made of a stem
    /// and letters, digits, and underscores.
    pub fn unique(&mut self, wanted: &str) -> String {
        let is_taken = |name: &str| is_reserved(name) || self.taken.contains(&name.to_lowercase());
        let name = naming::unique(wanted, is_taken);
        self.taken.insert(name.to_lowercase());
        name
    }
}

/// The nearest valid identifier to `spelling`. `kind` is added where an identifier needs more text.
fn identifier(spelling: &str, kind: &str) -> String {
    let mut name = String::new();
    for c in spelling.chars() {
        let c = if c.is_ascii_alphanumeric() { c } else { '_' };
        // Two underscores in a row are reserved in C++, one in front is in the global scope.
        if c != '_' || !(name.is_empty() || name.ends_with('_')) {
            name.push(c);
        }
        if name.len() == LONGEST_STEM {
            break;
        }
    }
    let name = name.trim_end_matches('_');
    if name.is_empty() {
        kind.to_owned()
    } else if name.starts_with(|c: char| c.is_ascii_digit()) || has_reserved_prefix(name) {
        format!("{kind}_{}", cut(name, kind))
    } else if is_macro(name) || is_reserved(name) || is_reserved(&format!("{name}_t")) {
        format!("{}_{kind}", cut(name, kind))
    } else {
        name.to_owned()
    }
}

/// `name`, cut so that `kind` fits beside it.
fn cut<'a>(name: &'a str, kind: &str) -> &'a str {
    let room = name.len().min(LONGEST_STEM - kind.len() - 1);
    name[..room].trim_end_matches('_')
}

/// Tells whether C++, its standard library, a vendor's headers, or a hardware language have the name.
fn is_reserved(name: &str) -> bool {
    let lower = name.to_lowercase();
    RESERVED.iter().any(|words| words.split_ascii_whitespace().any(|word| word == lower))
}

/// Tells whether a name is in capitals like a macro, of which headers have any number.
fn is_macro(name: &str) -> bool {
    name.len() > 2 && !name.contains(|c: char| c.is_ascii_lowercase())
}

/// Tells whether the name begins with a prefix of the vendors.
fn has_reserved_prefix(name: &str) -> bool {
    let lower = format!("{}_", name.to_lowercase());
    ["ap_", "ac_", "hls_", "ccs_", "mgc_", "sc_"].iter().any(|prefix| lower.starts_with(prefix))
}

/// Classes and functions of the testbench, in lower case.
const TESTBENCH: &str = "code comparison get_bits hex_digits parse print run samples set set_bits shown \
                         vectors vectors_directory";

/// Reserved words in lower case, by where they come from.
const RESERVED: [&str; 6] = [
    // C++ up to C++20: keywords and alternative spellings of operators.
    "alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t \
     char32_t class compl concept const consteval constexpr constinit const_cast continue \
     co_await co_return co_yield decltype default delete do double dynamic_cast else enum explicit \
     export extern false float for friend goto if inline int long mutable namespace new noexcept \
     not not_eq nullptr operator or or_eq private protected public register reinterpret_cast \
     requires return short signed sizeof static static_assert static_cast struct switch template \
     this thread_local throw true try typedef typeid typename union unsigned using virtual void \
     volatile wchar_t while xor xor_eq override final import module",
    // Names of the C library at global scope that a kernel, an array or a type would hide, and
    // macros in any case.
    "main std abort abs acos asin assert atan atan2 atof atoi atol calloc ceil clock cos cosh div \
     errno exit exp fabs floor fmod fopen fputs fread free frexp gamma gets index isnan j0 j1 jn \
     ldexp ldiv link log log10 log2 malloc max min modf pipe pow printf puts qsort rand read \
     realloc remove rename rindex round scanf signal sin sinh sqrt srand stderr stdin stdout \
     strlen strcmp system tan tanh time trunc unlink write y0 y1 yn null eof inf nan infinity \
     linux unix div_t fpos_t int8_t int16_t int32_t int64_t intmax_t intptr_t ldiv_t lldiv_t \
     max_align_t mbstate_t nullptr_t off_t pid_t ptrdiff_t sig_atomic_t size_t ssize_t time_t \
     clock_t uint8_t uint16_t uint32_t uint64_t uintmax_t uintptr_t wint_t int_t uint_t float_t \
     double_t",
    // Names that the generated files use inside kernels and in the testbench.
    "input output row outputs inputs sum elements element result value values code codes expected \
     got sample samples largest total directory defines halvings scaled factor weight weights bias \
     set vectors comparison reset is_started",
    // Vendors' tools.
    "hls aesl apatb autotb csim cosim synthesis solution1 clk clock ap ac nnet",
    // Verilog and SystemVerilog: the top function becomes a module, its arguments ports.
    "always assign automatic begin bit buf bufif0 bufif1 byte casex casez cell config cover \
     deassign defparam design disable edge end endcase endfunction endmodule endtask event force \
     forever fork function generate genvar initial inout instance integer interface join large \
     library localparam logic macromodule medium modport nand negedge nmos nor notif0 notif1 \
     package parameter pmos posedge primitive program property pull0 pull1 pulldown pullup rcmos \
     real realtime ref reg release repeat rnmos rpmos rtran scalared sequence shortint showcancelled \
     small specify specparam string strong0 strong1 supply0 supply1 table task tran tri tri0 tri1 \
     triand trior trireg type use var vectored wait wand weak0 weak1 wire wor xnor",
    // VHDL.
    "access after alias all architecture array attribute block body buffer bus component \
     configuration constant disconnect downto elsif entity exit file generic group guarded \
     impure in inertial is label linkage literal loop map mod next nor of on open others out \
     port postponed procedure process pure range record reject rem report rol ror select \
     severity shared sla sll sra srl subtype then to transport unaffected units until variable \
     when with bitkiln",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stem(layer: &str) -> String {
        Names::default().stem(layer)
    }

    #[test]
    fn plain_names_stay() {
        for name in ["fc1", "q_dense_3", "Relu2", "input_1", "x", "softmax"] {
            assert_eq!(stem(name), name);
        }
    }

    #[test]
    fn odd_spellings_become_identifiers() {
        assert_eq!(stem("model/dense:0"), "model_dense_0");
        assert_eq!(stem("2nd layer"), "layer_2nd_layer");
        assert_eq!(stem("__hidden__"), "hidden");
        assert_eq!(stem("слой"), "layer");
        assert_eq!(stem("слой 7"), "layer_7");
        assert_eq!(stem(""), "layer");
        assert_eq!(stem("a\n*/b"), "a_b");
        assert_eq!(stem(&"x".repeat(500)).len(), LONGEST_STEM);
    }

    #[test]
    fn reserved_words_are_avoided() {
        for word in ["class", "main", "input", "reg", "signal", "INDEX", "y1", "set", "bitkiln"] {
            assert_eq!(stem(word), format!("{word}_layer"));
        }
        for name in ["ap_fixed", "AC_int", "sc_conv", "hls_core", "ap", "CCS"] {
            assert_eq!(stem(name), format!("layer_{name}"));
        }
        // `time` itself is fine as a stem, the type `time_t` is not.
        assert_eq!(stem("size"), "size_layer");
    }

    #[test]
    fn projects_leave_the_testbench_its_names() {
        for word in ["Print", "vectors", "run", "input_1_vectors"] {
            assert_eq!(Names::default().project(word), format!("{word}_network"));
        }
        assert_eq!(stem("Print"), "Print");
    }

    #[test]
    fn names_that_differ_in_case_alone_are_told_apart() {
        let mut names = Names::default();
        assert_eq!(names.stem("Dense"), "Dense");
        assert_eq!(names.stem("dense"), "dense_2");
        assert_eq!(names.unique("dense_t"), "dense_t");
        assert_eq!(names.stem("Dense_T"), "Dense_T_2");
    }

    #[test]
    fn a_name_with_a_number_can_be_taken_as_well() {
        let mut names = Names::default();
        let all: Vec<String> =
            ["a_2", "a", "a", "A"].iter().map(|layer| names.stem(layer)).collect();
        assert_eq!(all, ["a_2", "a", "a_3", "A_4"]);
    }

    proptest! {
        #[test]
        fn a_projects_name_is_its_own_name(
            prefix in "(ap|AC|hls|2|int|Print|X|_)?_?", rest in "[a-zA-Z0-9_ ]{0,60}",
            suffix in "(_vectors|_t|_)?",
        ) {
            let name = Names::default().project(&format!("{prefix}{rest}{suffix}"));
            prop_assert!(name.len() <= LONGEST_STEM);
            prop_assert_eq!(Names::default().project(&name), name);
        }

        #[test]
        fn every_name_is_valid_and_unique(layers in proptest::collection::vec(".{0,12}", 1..20)) {
            let mut names = Names::default();
            let mut seen = HashSet::new();
            for layer in &layers {
                let name = names.stem(layer);
                prop_assert!(name.starts_with(|c: char| c.is_ascii_alphabetic()));
                prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
                prop_assert!(!name.contains("__") && !is_reserved(&name));
                prop_assert!(seen.insert(name.to_lowercase()));
            }
        }
    }
}
