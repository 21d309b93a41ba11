//! The vendors: spelling of types, and paths of headers.

use std::path::{Path, PathBuf};

use bitkiln::fixed::{Format, Overflow, Quantization, Rounding};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    Ap,
    Ac,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headers {
    /// The vendor's own.
    Real,
    /// The ones that Bitkiln ships.
    StandIn,
}

pub const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

impl Vendor {
    /// The header of this vendor in `cpp/`.
    pub fn prelude(self) -> &'static str {
        match self {
            Self::Ap => "ap.h",
            Self::Ac => "ac.h",
        }
    }

    pub fn roundings(self) -> Vec<Rounding> {
        let is_known = |mode: &Rounding| self == Self::Ac || *mode != Rounding::RndConvOdd;
        Rounding::ALL.into_iter().filter(is_known).collect()
    }

    /// Every overflow mode of a type `width` bits wide.
    pub fn overflows(self, width: u32) -> Vec<Overflow> {
        let mut all = Overflow::ALL.to_vec();
        if self == Self::Ap {
            let counts = 1..=u8::try_from(width).unwrap();
            all.extend(counts.map(|saturated_bits| Overflow::Wrap { saturated_bits }));
        }
        all
    }

    /// The C++ type of `to`.
    pub fn fixed(self, to: &Quantization) -> String {
        let Quantization { format, rounding, overflow } = to;
        let (w, i, signed) = (format.width(), format.integer_bits(), format.is_signed());
        let (q, o) = (rounding.name(), overflow.name());
        match self {
            Self::Ap => {
                let u = if signed { "" } else { "u" };
                let n = match overflow {
                    Overflow::Wrap { saturated_bits } => *saturated_bits,
                    _ => 0,
                };
                format!("ap_{u}fixed<{w},{i},AP_{q},AP_{o},{n}>")
            }
            Self::Ac => format!("ac_fixed<{w},{i},{signed},AC_{q},AC_{o}>"),
        }
    }

    /// The C++ type of plain numbers of `format`.
    pub fn plain(self, format: Format) -> String {
        self.fixed(&Quantization::new(format, Rounding::Trn, Overflow::WRAP))
    }

    /// The C++ integer type with the width and signedness of `format`.
    pub fn integer(self, format: Format) -> String {
        let (w, signed) = (format.width(), format.is_signed());
        match self {
            Self::Ap => format!("ap_{}int<{w}>", if signed { "" } else { "u" }),
            Self::Ac => format!("ac_int<{w},{signed}>"),
        }
    }

    pub fn include(self, headers: Headers) -> PathBuf {
        match headers {
            Headers::StandIn => Path::new(REPOSITORY).join("templates/standin"),
            Headers::Real => self.real(),
        }
    }

    /// The folder with the vendor's headers. Tests that need them fail without.
    fn real(self) -> PathBuf {
        let (folder, header) = match self {
            Self::Ap => ("ap_types", "ap_fixed.h"),
            Self::Ac => ("ac_types", "ac_fixed.h"),
        };
        let root = std::env::var_os("BITKILN_VENDOR_HEADERS")
            .map_or_else(|| Path::new(REPOSITORY).join(".cache/vendor"), PathBuf::from);
        let include = root.join(folder);
        assert!(
            include.join(header).is_file(),
            "{} is missing. Run hls_tests/fetch_headers.sh once, or name the folder that holds \
             ap_types and ac_types in BITKILN_VENDOR_HEADERS.",
            include.join(header).display()
        );
        include
    }
}
