// ap_int<W> and ap_uint<W> for C simulation. Shipped by Bitkiln; see bitkiln_fixed.h.
#ifndef BITKILN_AP_INT_H
#define BITKILN_AP_INT_H

#include "bitkiln_fixed.h"

using ap_q_mode = bitkiln::rounding;
constexpr ap_q_mode AP_TRN = ap_q_mode::trn;
constexpr ap_q_mode AP_TRN_ZERO = ap_q_mode::trn_zero;
constexpr ap_q_mode AP_RND = ap_q_mode::rnd;
constexpr ap_q_mode AP_RND_ZERO = ap_q_mode::rnd_zero;
constexpr ap_q_mode AP_RND_INF = ap_q_mode::rnd_inf;
constexpr ap_q_mode AP_RND_MIN_INF = ap_q_mode::rnd_min_inf;
constexpr ap_q_mode AP_RND_CONV = ap_q_mode::rnd_conv;

using ap_o_mode = bitkiln::overflow;
constexpr ap_o_mode AP_WRAP = ap_o_mode::wrap;
constexpr ap_o_mode AP_SAT = ap_o_mode::sat;
constexpr ap_o_mode AP_SAT_ZERO = ap_o_mode::sat_zero;
constexpr ap_o_mode AP_SAT_SYM = ap_o_mode::sat_sym;

template <int W> class ap_int;
template <int W> class ap_uint;
template <int W, int I, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP, int N = 0> class ap_fixed;
template <int W, int I, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP, int N = 0> class ap_ufixed;

namespace bitkiln {

struct ap {
  template <int W, bool S> using integer = std::conditional_t<S, ap_int<W>, ap_uint<W>>;
  template <int W, int I, bool S>
  using fixed = std::conditional_t<S, ap_fixed<W, I>, ap_ufixed<W, I>>;
  // A fixed-point number becomes an integer as a double would, to zero, in to_int() as in
  // ap_int x = fixed; but ap_fixed<W, W> x = fixed goes to minus infinity. (Of negative numbers
  // without bits above the point the vendor's to_int() makes -1, 0, or neither.)
  static constexpr rounding integer_part = rounding::trn_zero;
  template <kind From, kind To> static constexpr bool converts = true;
  // Numbers compare by value, but where one is signed, the other is not, and either has 32 bits or
  // more once they are aligned, they compare as in C: 0 > -1 is false in ap_uint<32> and
  // ap_int<32>.
  template <class A, class B> struct compared {
    using common = typename formats<A, B>::common;
    static constexpr int gap = A::fraction - B::fraction;
    static constexpr int fraction = gap > 0 ? A::fraction : B::fraction;
    // The left operand gains a bit when it is aligned to a finer right one.
    static constexpr int left = gap < 0 ? A::width - gap + 1 : A::width;
    static constexpr int right = gap > 0 ? B::width + gap : B::width;
    static constexpr int width = left > right ? left : right;
    static constexpr bool as_c = A::is_signed != B::is_signed && width >= 32;
    static constexpr bool as_unsigned = as_c && (A::is_signed ? left <= right : left >= right);
    using equality = std::conditional_t<as_c, format<width, width - fraction, false>, common>;
    using order =
        std::conditional_t<as_unsigned, format<width + 1, width + 1 - fraction, false>, common>;
  };
};

// x.range(high, low) on the left of an assignment.
template <class Number> class range_reference {
public:
  constexpr range_reference(Number &number, int high, int low)
      : number_(number), high_(high), low_(low) {}
  constexpr range_reference(const range_reference &) = default;

  template <class T, class = std::enable_if_t<operand<T>::kind == kind::integer>>
  constexpr range_reference &operator=(const T &value) {
    put_bits(number_, low_, high_ - low_ + 1, operand<T>::code(value));
    return *this;
  }
  constexpr range_reference &operator=(const range_reference &other) {
    put_bits(number_, low_, high_ - low_ + 1, other.get());
    return *this;
  }

  constexpr typename Number::format::bits get() const {
    return get_bits(number_, low_, high_ - low_ + 1);
  }
  constexpr operator unsigned long long() const { return to_uint64(); }
  constexpr unsigned long long to_uint64() const { return static_cast<unsigned long long>(get()); }
  constexpr long long to_int64() const { return static_cast<long long>(get()); }
  constexpr unsigned to_uint() const { return static_cast<unsigned>(get()); }
  constexpr int to_int() const { return static_cast<int>(get()); }

private:
  Number &number_;
  int high_, low_;
};

// A range reads as an unsigned integer as wide as the number it is taken from.
template <class Number> struct operand<range_reference<Number>> {
  using format = bitkiln::format<Number::format::width, Number::format::width, false>;
  using vendor = typename Number::vendor;
  static constexpr bitkiln::kind kind = bitkiln::kind::integer;
  static constexpr typename format::code code(const range_reference<Number> &range) {
    return range.get();
  }
};

// What ap_int, ap_uint, ap_fixed and ap_ufixed share.
template <class Self, kind K, int W, int I, bool S, rounding Q, overflow O, int N>
class ap_number : public number<ap, K, W, I, S, Q, O, N> {
  using base = number<ap, K, W, I, S, Q, O, N>;

public:
  enum { width = W, iwidth = I };
  using base::base;
  constexpr ap_number() = default;

  range_reference<Self> range(int high, int low) { return {self(), high, low}; }
  range_reference<Self> range() { return range(W - 1, 0); }
  ap_uint<W> range(int high, int low) const {
    return from_bits<ap_uint<W>>(get_bits(*this, low, high - low + 1));
  }
  ap_uint<W> range() const { return range(W - 1, 0); }
  range_reference<Self> operator()(int high, int low) { return range(high, low); }
  ap_uint<W> operator()(int high, int low) const { return range(high, low); }

  bit_reference<Self> operator[](int index) { return {self(), index}; }
  constexpr bool operator[](int index) const { return get_bits(*this, index, 1) != 0; }

  // Every bit inverted, in the same format.
  constexpr Self operator~() const { return from_bits<Self>(~this->code()); }

  float to_float() const { return static_cast<float>(this->to_double()); }

private:
  Self &self() { return static_cast<Self &>(*this); }
};

// Integers read as native ones without being asked.
template <class Self, int W, bool S>
class ap_integer : public ap_number<Self, kind::integer, W, W, S, AP_TRN_ZERO, AP_WRAP, 0> {
  using base = ap_number<Self, kind::integer, W, W, S, AP_TRN_ZERO, AP_WRAP, 0>;
  using native = std::conditional_t<S, long long, unsigned long long>;

public:
  using base::base;
  constexpr ap_integer() = default;
  constexpr operator native() const { return static_cast<native>(this->code()); }
};

} // namespace bitkiln

template <int W> class ap_int : public bitkiln::ap_integer<ap_int<W>, W, true> {
public:
  using bitkiln::ap_integer<ap_int<W>, W, true>::ap_integer;
  constexpr ap_int() = default;
};

template <int W> class ap_uint : public bitkiln::ap_integer<ap_uint<W>, W, false> {
public:
  using bitkiln::ap_integer<ap_uint<W>, W, false>::ap_integer;
  constexpr ap_uint() = default;
};

#endif
