// Fixed-point numbers for C simulation: what Bitkiln's ap_fixed.h and ac_fixed.h have in common.
//
// A number is an integer code times 2^-fraction, in two's complement, kept in a native word of 64
// or 128 bits. Both vendors agree on nearly everything: the formats of results, rounding,
// overflow. Where they differ, their own header says so.
//
// Bitkiln's tests hold these headers equal, bit for bit, to the vendors' own.
//
// They include as little as they can: in a small project the compiler spends its time on headers.
#ifndef BITKILN_FIXED_H
#define BITKILN_FIXED_H

#include <cstdint>
#include <iosfwd>
#include <type_traits>
#include <utility>

namespace bitkiln {

// ------------------------------------------------------------------------------------- modes --

// What happens to the bits below the last one: to minus infinity, to zero, or to the nearest, with
// halves to plus infinity, zero, away from zero, minus infinity, even, odd.
enum class rounding { trn, trn_zero, rnd, rnd_zero, rnd_inf, rnd_min_inf, rnd_conv, rnd_conv_odd };

// What happens to the bits above the first one: dropped; to the nearest end; to zero; to the
// nearest end, the lower one being minus the upper one.
enum class overflow { wrap, sat, sat_zero, sat_sym };

// ------------------------------------------------------------------------------------- words --

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

template <int Bits> using signed_word = std::conditional_t<(Bits <= 64), std::int64_t, int128>;
template <int Bits> using unsigned_word = std::conditional_t<(Bits <= 64), std::uint64_t, uint128>;

template <class Word> constexpr int bits_of = 8 * static_cast<int>(sizeof(Word));
template <class Word> constexpr bool has_sign = Word(-1) < Word(1);

template <class Word> constexpr bool is_negative(Word code) {
  if constexpr (has_sign<Word>) return code < 0;
  return false;
}

// code * 2^n, its low bits; any n >= 0.
template <class Word> constexpr Word shift_left(Word bits, int n) {
  static_assert(!has_sign<Word>, "bits are shifted in an unsigned word");
  return n < bits_of<Word> ? Word(bits << n) : Word(0);
}

// code / 2^n, to minus infinity; any n >= 0.
template <class Word> constexpr Word shift_right(Word code, int n) {
  if (n < bits_of<Word>) return Word(code >> n);
  return is_negative(code) ? Word(-1) : Word(0);
}

// ----------------------------------------------------------------------------------- formats --

// W bits, I of them above the point, S: signed. I may be negative or beyond W.
template <int W, int I, bool S> struct format {
  static_assert(1 <= W && W <= 128,
                "Bitkiln's stand-ins hold 1 to 128 bits: compile against the vendor's headers");
  static constexpr int width = W;
  static constexpr int integer = I;
  static constexpr int fraction = W - I;
  static constexpr bool is_signed = S;

  using bits = unsigned_word<W>;
  using code = std::conditional_t<S, signed_word<W>, bits>;

  static constexpr bits mask = static_cast<bits>(~bits(0)) >> (bits_of<bits> - W);
  // The ends of the range, without their signs.
  static constexpr bits highest = mask >> (S ? 1 : 0);
  static constexpr bits lowest = S ? highest + 1 : 0;

  // The code whose low W bits are those of `word`.
  template <class Word> static constexpr code wrap(Word word) {
    const bits kept = static_cast<bits>(word) & mask;
    return static_cast<code>((kept ^ lowest) - lowest);
  }
};

// ------------------------------------------------------------------------------------- casts --

// code / 2^n, rounded by mode Q, n > 0.
template <rounding Q, class Word> constexpr Word drop_bits(Word code, int n) {
  const Word floor = shift_right(code, n);
  if constexpr (Q == rounding::trn) return floor;

  const bool negative = is_negative(code);
  const bool half = (shift_right(code, n - 1) & 1) != 0;
  using bits = unsigned_word<bits_of<Word>>;
  const bool more = shift_left(bits(shift_right(code, n - 1)), n - 1) != bits(code);
  bool up = half;
  if constexpr (Q == rounding::trn_zero) up = negative && (half || more);
  if constexpr (Q == rounding::rnd_zero) up = half && (more || negative);
  if constexpr (Q == rounding::rnd_inf) up = half && (more || !negative);
  if constexpr (Q == rounding::rnd_min_inf) up = half && more;
  if constexpr (Q == rounding::rnd_conv) up = half && (more || (floor & 1) != 0);
  if constexpr (Q == rounding::rnd_conv_odd) up = half && (more || (floor & 1) == 0);
  return up ? floor + 1 : floor;
}

// code * 2^n brought into the range of To by mode O. N is ap_fixed's: with `wrap`, so many top bits
// saturate.
template <class To, overflow O, int N, class Word>
constexpr typename To::code fit(Word code, int n) {
  using bits =
      unsigned_word<(bits_of<Word> > bits_of<typename To::bits>) ? bits_of<Word>
                                                                 : bits_of<typename To::bits>>;
  const auto wrapped = To::wrap(shift_left(static_cast<bits>(code), n));
  if constexpr (O == overflow::wrap && N == 0) return wrapped;

  // With symmetric saturation the smallest code of a signed type is out of range, except in a type
  // of one bit, whose only other code is 0.
  constexpr bits sym = O == overflow::sat_sym && To::is_signed && To::width > 1;
  constexpr bits lowest = static_cast<bits>(To::lowest) - sym;
  constexpr bits highest = To::highest;
  const bool negative = is_negative(code);
  const bits magnitude = negative ? bits(0) - static_cast<bits>(code) : static_cast<bits>(code);
  if (magnitude <= shift_right(negative ? lowest : highest, n)) return wrapped;

  if constexpr (O == overflow::sat_zero) return 0;
  if constexpr (O == overflow::wrap) {
    constexpr bits low = N < To::width ? To::mask >> N : 0;
    const bits top = negative && To::is_signed ? lowest : highest & ~low;
    return To::wrap(top | (static_cast<bits>(wrapped) & low));
  }
  return To::wrap(negative ? bits(0) - lowest : highest);
}

// The code in To of `code`, a number with `dropped` more fractional bits (fewer if negative).
template <class To, rounding Q, overflow O, int N, class Word>
constexpr typename To::code cast(Word code, int dropped) {
  return dropped > 0 ? fit<To, O, N>(drop_bits<Q>(code, dropped), 0)
                     : fit<To, O, N>(code, -dropped);
}

// ---------------------------------------------------------------------------------- operands --

enum class kind { integer, fixed };

struct number_base {};

template <class T> constexpr bool is_number = std::is_base_of_v<number_base, T>;

// What takes part in arithmetic: numbers, native integers, and references to bits. Each has a
// format, a kind, a vendor (void for native integers) and a code.
template <class T, class = void> struct operand {};

template <class T> struct operand<T, std::enable_if_t<std::is_integral_v<T>>> {
  static constexpr int width = std::is_same_v<T, bool> ? 1 : bits_of<T>;
  using format = bitkiln::format<width, width, std::is_signed_v<T>>;
  using vendor = void;
  static constexpr bitkiln::kind kind = bitkiln::kind::integer;
  static constexpr typename format::code code(T value) { return value; }
};

template <class T> struct operand<T, std::enable_if_t<is_number<T>>> {
  using format = typename T::format;
  using vendor = typename T::vendor;
  static constexpr bitkiln::kind kind = T::kind;
  static constexpr typename format::code code(const T &number) { return number.code(); }
};

template <class T> using format_of = typename operand<T>::format;

// The formats of results; the vendors agree.
template <class A, class B> struct formats {
  static constexpr int larger(int a, int b) { return a > b ? a : b; }
  static constexpr bool either = A::is_signed || B::is_signed;
  // Next to a signed operand, an unsigned one gains a sign bit.
  static constexpr int integer = larger(A::integer + (either && !A::is_signed ? 1 : 0),
                                        B::integer + (either && !B::is_signed ? 1 : 0));
  static constexpr int fraction = larger(A::width - A::integer, B::width - B::integer);

  using common = format<integer + fraction, integer, either>;
  using sum = format<integer + fraction + 1, integer + 1, either>;
  using difference = format<integer + fraction + 1, integer + 1, true>;
  using product = format<A::width + B::width, A::integer + B::integer, either>;
  // Of integers of the same signedness: where it differs, ap_int divides by rules of its own.
  static constexpr int quotient_width = A::width + (B::is_signed ? 1 : 0);
  static constexpr int remainder_width = A::width < B::width ? A::width : B::width;
  using quotient = format<quotient_width, quotient_width, either>;
  using remainder = format<remainder_width, remainder_width, either>;
};

// The formats of two operands, of which at least one is a number.
template <class A, class B, class = void> struct operands {};

template <class A, class B>
struct operands<A, B,
                std::enable_if_t<!std::is_void_v<typename operand<A>::vendor> ||
                                 !std::is_void_v<typename operand<B>::vendor>>>
    : formats<format_of<A>, format_of<B>> {
  using vendor = std::conditional_t<std::is_void_v<typename operand<A>::vendor>,
                                    typename operand<B>::vendor, typename operand<A>::vendor>;
  static constexpr bool integers =
      operand<A>::kind == kind::integer && operand<B>::kind == kind::integer;
};

// The vendor's type of a format.
template <class Vendor, bool Integer, class F> struct named {
  using type = typename Vendor::template fixed<F::width, F::integer, F::is_signed>;
};
template <class Vendor, class F> struct named<Vendor, true, F> {
  using type = typename Vendor::template integer<F::width, F::is_signed>;
};

template <class A, class B, class F>
using result = typename named<typename operands<A, B>::vendor, operands<A, B>::integers, F>::type;

template <class A, class B> using sum = result<A, B, typename operands<A, B>::sum>;
template <class A, class B> using difference = result<A, B, typename operands<A, B>::difference>;
template <class A, class B> using product = result<A, B, typename operands<A, B>::product>;
template <class A, class B> using bitwise = result<A, B, typename operands<A, B>::common>;
template <class A, class B,
          bool = operands<A, B>::integers && format_of<A>::is_signed == format_of<B>::is_signed>
struct division {};
template <class A, class B> struct division<A, B, true> {
  using quotient = result<A, B, typename operands<A, B>::quotient>;
  using remainder = result<A, B, typename operands<A, B>::remainder>;
};

// The bits of `x` with as many fractional bits as F has.
template <class F, class T> constexpr typename F::bits aligned(const T &x) {
  return static_cast<typename F::bits>(operand<T>::code(x))
         << (F::fraction - format_of<T>::fraction);
}

// ----------------------------------------------------------------------------------- numbers --

// What the types of all vendors share. `Vendor` names the types of results and says how a number
// becomes an integer.
template <class Vendor, kind K, int W, int I, bool S, rounding Q, overflow O, int N>
class number : public number_base {
public:
  using vendor = Vendor;
  using format = bitkiln::format<W, I, S>;
  static constexpr bitkiln::kind kind = K;

  constexpr number() = default;

  template <class T, class From = format_of<T>,
            class = std::enable_if_t<Vendor::template converts<operand<T>::kind, K>>>
  constexpr number(const T &value)
      : code_(cast<format, to_integer<operand<T>::kind> ? Vendor::integer_part : Q, O, N>(
            operand<T>::code(value), From::fraction - format::fraction)) {}

  // A finite value.
  number(double value) : code_(0) {
    int exponent = 0;
    const double mantissa = __builtin_frexp(value, &exponent);
    const auto code = static_cast<std::int64_t>(__builtin_ldexp(mantissa, 53));
    code_ = cast<format, Q, O, N>(code, 53 - exponent - format::fraction);
  }

  // The value in steps of 2^-fraction.
  constexpr typename format::code code() const { return code_; }

  // The low W bits of a word, as they are.
  template <class Word> constexpr void set_bits(Word bits) { code_ = format::wrap(bits); }

  template <class Word> constexpr Word to() const {
    using whole = bitkiln::format<64, 64, true>;
    return static_cast<Word>(
        cast<whole, Vendor::integer_part, overflow::wrap, 0>(code_, format::fraction));
  }
  constexpr int to_int() const { return to<int>(); }
  constexpr unsigned to_uint() const { return to<unsigned>(); }
  constexpr long long to_int64() const { return to<long long>(); }
  constexpr unsigned long long to_uint64() const { return to<unsigned long long>(); }
  double to_double() const { return __builtin_ldexp(static_cast<double>(code_), -format::fraction); }

  constexpr bool operator!() const { return code_ == 0; }
  constexpr int length() const { return W; }

private:
  template <bitkiln::kind From>
  static constexpr bool to_integer = From == bitkiln::kind::fixed && K == bitkiln::kind::integer;

  typename format::code code_ = 0;
};

template <class Number, class Word> constexpr Number from_bits(Word bits) {
  Number number;
  number.set_bits(bits);
  return number;
}

// -------------------------------------------------------------------------------- arithmetic --

template <class A, class B, class R = sum<A, B>> constexpr R operator+(const A &a, const B &b) {
  return from_bits<R>(aligned<typename R::format>(a) + aligned<typename R::format>(b));
}

template <class A, class B, class R = difference<A, B>>
constexpr R operator-(const A &a, const B &b) {
  return from_bits<R>(aligned<typename R::format>(a) - aligned<typename R::format>(b));
}

template <class A, class B, class R = product<A, B>> constexpr R operator*(const A &a, const B &b) {
  using bits = typename R::format::bits;
  return from_bits<R>(static_cast<bits>(operand<A>::code(a)) *
                      static_cast<bits>(operand<B>::code(b)));
}

// Of integers of the same signedness, to zero as in C.
template <class A, class B, class R = typename division<A, B>::quotient>
constexpr R operator/(const A &a, const B &b) {
  using code = typename operands<A, B>::sum::code;
  return from_bits<R>(static_cast<code>(operand<A>::code(a)) /
                      static_cast<code>(operand<B>::code(b)));
}

template <class A, class B, class R = typename division<A, B>::remainder>
constexpr R operator%(const A &a, const B &b) {
  using code = typename operands<A, B>::sum::code;
  return from_bits<R>(static_cast<code>(operand<A>::code(a)) %
                      static_cast<code>(operand<B>::code(b)));
}

template <class A, class B, class R = bitwise<A, B>> constexpr R operator&(const A &a, const B &b) {
  return from_bits<R>(aligned<typename R::format>(a) & aligned<typename R::format>(b));
}

template <class A, class B, class R = bitwise<A, B>> constexpr R operator|(const A &a, const B &b) {
  return from_bits<R>(aligned<typename R::format>(a) | aligned<typename R::format>(b));
}

template <class A, class B, class R = bitwise<A, B>> constexpr R operator^(const A &a, const B &b) {
  return from_bits<R>(aligned<typename R::format>(a) ^ aligned<typename R::format>(b));
}

// One bit more than the operand, signed.
template <class A, class F = typename A::format, class = std::enable_if_t<is_number<A>>>
constexpr auto operator-(const A &a) {
  using R = typename named<typename A::vendor, A::kind == kind::integer,
                           format<F::width + 1, F::integer + 1, true>>::type;
  using bits = typename R::format::bits;
  return from_bits<R>(bits(0) - static_cast<bits>(a.code()));
}

template <class A, class = std::enable_if_t<is_number<A>>> constexpr A operator+(const A &a) {
  return a;
}

// Shifts keep the type of the left operand: bits that leave it are gone, whatever its modes say.
// Negative amounts shift the other way.
template <class A, class = std::enable_if_t<is_number<A>>>
constexpr A operator>>(const A &a, int n);

template <class A, class = std::enable_if_t<is_number<A>>>
constexpr A operator<<(const A &a, int n) {
  if (n < 0) return a >> -n;
  return from_bits<A>(shift_left(static_cast<typename A::format::bits>(a.code()), n));
}

template <class A, class> constexpr A operator>>(const A &a, int n) {
  if (n < 0) return a << -n;
  return from_bits<A>(shift_right(a.code(), n));
}

// ------------------------------------------------------------------------------- assignments --

template <class A, class B, class = sum<A, B>> constexpr A &operator+=(A &a, const B &b) {
  return a = a + b;
}
template <class A, class B, class = difference<A, B>> constexpr A &operator-=(A &a, const B &b) {
  return a = a - b;
}
template <class A, class B, class = product<A, B>> constexpr A &operator*=(A &a, const B &b) {
  return a = a * b;
}
template <class A, class B, class = typename division<A, B>::quotient>
constexpr A &operator/=(A &a, const B &b) {
  return a = a / b;
}
template <class A, class B, class = typename division<A, B>::remainder>
constexpr A &operator%=(A &a, const B &b) {
  return a = a % b;
}
template <class A, class B, class = bitwise<A, B>> constexpr A &operator&=(A &a, const B &b) {
  return a = a & b;
}
template <class A, class B, class = bitwise<A, B>> constexpr A &operator|=(A &a, const B &b) {
  return a = a | b;
}
template <class A, class B, class = bitwise<A, B>> constexpr A &operator^=(A &a, const B &b) {
  return a = a ^ b;
}
template <class A, class = std::enable_if_t<is_number<A>>> constexpr A &operator<<=(A &a, int n) {
  return a = a << n;
}
template <class A, class = std::enable_if_t<is_number<A>>> constexpr A &operator>>=(A &a, int n) {
  return a = a >> n;
}

// Of integers only: the vendors disagree on the step of a fixed-point type.
template <class A> using if_integer = std::enable_if_t<is_number<A> && A::kind == kind::integer>;

template <class A, class = if_integer<A>> constexpr A &operator++(A &a) { return a = a + 1; }
template <class A, class = if_integer<A>> constexpr A &operator--(A &a) { return a = a - 1; }
template <class A, class = if_integer<A>> constexpr A operator++(A &a, int) {
  const A before = a;
  ++a;
  return before;
}
template <class A, class = if_integer<A>> constexpr A operator--(A &a, int) {
  const A before = a;
  --a;
  return before;
}

// ------------------------------------------------------------------------------- comparisons --

// In formats that the vendor names; with a native real number as doubles.
template <class A, class B>
using compared = typename operands<A, B>::vendor::template compared<format_of<A>, format_of<B>>;

template <class A, class B, class F = typename compared<A, B>::equality>
constexpr bool equal(const A &a, const B &b) {
  return F::wrap(aligned<F>(a)) == F::wrap(aligned<F>(b));
}
template <class A, class = std::enable_if_t<is_number<A>>> bool equal(const A &a, double b) {
  return a.to_double() == b;
}

// Below 0, 0 or above 0, as a is below, equal to or above b.
template <class Word> constexpr int sign_of_difference(Word a, Word b) {
  return a < b ? -1 : a > b ? 1 : 0;
}
template <class A, class B, class F = typename compared<A, B>::order>
constexpr int order(const A &a, const B &b) {
  return sign_of_difference(F::wrap(aligned<F>(a)), F::wrap(aligned<F>(b)));
}
template <class A, class = std::enable_if_t<is_number<A>>> int order(const A &a, double b) {
  return sign_of_difference(a.to_double(), b);
}
template <class A, class = std::enable_if_t<is_number<A>>> int order(double a, const A &b) {
  return sign_of_difference(a, b.to_double());
}

template <class A, class B>
constexpr auto operator==(const A &a, const B &b) -> decltype(equal(a, b)) {
  return equal(a, b);
}
template <class A, class B>
constexpr auto operator!=(const A &a, const B &b) -> decltype(equal(a, b)) {
  return !equal(a, b);
}

template <class A, class B>
using if_ordered = decltype(order(std::declval<A>(), std::declval<B>()));

template <class A, class B, class = if_ordered<A, B>>
constexpr bool operator<(const A &a, const B &b) {
  return order(a, b) < 0;
}
template <class A, class B, class = if_ordered<A, B>>
constexpr bool operator>(const A &a, const B &b) {
  return order(a, b) > 0;
}
template <class A, class B, class = if_ordered<A, B>>
constexpr bool operator<=(const A &a, const B &b) {
  return order(a, b) <= 0;
}
template <class A, class B, class = if_ordered<A, B>>
constexpr bool operator>=(const A &a, const B &b) {
  return order(a, b) >= 0;
}

// ------------------------------------------------------------------------------- single bits --

// Bits `low` to `low + count - 1`, as they stand.
template <class Number>
constexpr typename Number::format::bits get_bits(const Number &x, int low, int count) {
  using bits = typename Number::format::bits;
  const bits mask = shift_left(bits(1), count) - 1;
  return shift_right(static_cast<bits>(x.code()), low) & mask;
}

template <class Number, class Word>
constexpr void put_bits(Number &x, int low, int count, Word word) {
  using bits = typename Number::format::bits;
  const bits mask = shift_left(shift_left(bits(1), count) - 1, low);
  x.set_bits((static_cast<bits>(x.code()) & ~mask) |
             (shift_left(static_cast<bits>(word), low) & mask));
}

// x[i] on the left of an assignment.
template <class Number> class bit_reference {
public:
  constexpr bit_reference(Number &number, int index) : number_(number), index_(index) {}
  constexpr bit_reference(const bit_reference &) = default;
  constexpr bit_reference &operator=(bool bit) {
    put_bits(number_, index_, 1, bit ? 1u : 0u);
    return *this;
  }
  constexpr bit_reference &operator=(const bit_reference &other) { return *this = bool(other); }
  constexpr operator bool() const { return get_bits(number_, index_, 1) != 0; }

private:
  Number &number_;
  int index_;
};

template <class Number> struct operand<bit_reference<Number>> : operand<bool> {
  using vendor = typename Number::vendor;
};

// --------------------------------------------------------------------------------- print ------

// A code in decimal.
template <class Code> class decimal {
public:
  explicit decimal(Code code) {
    uint128 rest =
        is_negative(code) ? uint128(0) - static_cast<uint128>(code) : static_cast<uint128>(code);
    do {
      *--first_ = static_cast<char>('0' + static_cast<int>(rest % 10));
      rest /= 10;
    } while (rest != 0);
    if (is_negative(code)) *--first_ = '-';
  }
  decimal(const decimal &) = delete;
  decimal &operator=(const decimal &) = delete;
  const char *text() const { return first_; }

private:
  // The longest is -2^127.
  char digits_[41] = {};
  char *first_ = digits_ + 40;
};

// To any stream, so that who prints includes its header, and nobody else waits for it.
template <class Traits, class A, class = std::enable_if_t<is_number<A>>>
std::basic_ostream<char, Traits> &operator<<(std::basic_ostream<char, Traits> &out, const A &a) {
  if constexpr (A::kind == kind::integer)
    return out << decimal(a.code()).text();
  else
    return out << a.to_double();
}

} // namespace bitkiln

#endif
