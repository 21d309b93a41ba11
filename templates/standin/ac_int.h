// ac_int<W, S> for C simulation. Shipped by Bitkiln; see bitkiln_fixed.h.
#ifndef BITKILN_AC_INT_H
#define BITKILN_AC_INT_H

#include "bitkiln_fixed.h"

using ac_q_mode = bitkiln::rounding;
constexpr ac_q_mode AC_TRN = ac_q_mode::trn;
constexpr ac_q_mode AC_TRN_ZERO = ac_q_mode::trn_zero;
constexpr ac_q_mode AC_RND = ac_q_mode::rnd;
constexpr ac_q_mode AC_RND_ZERO = ac_q_mode::rnd_zero;
constexpr ac_q_mode AC_RND_INF = ac_q_mode::rnd_inf;
constexpr ac_q_mode AC_RND_MIN_INF = ac_q_mode::rnd_min_inf;
constexpr ac_q_mode AC_RND_CONV = ac_q_mode::rnd_conv;
constexpr ac_q_mode AC_RND_CONV_ODD = ac_q_mode::rnd_conv_odd;

using ac_o_mode = bitkiln::overflow;
constexpr ac_o_mode AC_WRAP = ac_o_mode::wrap;
constexpr ac_o_mode AC_SAT = ac_o_mode::sat;
constexpr ac_o_mode AC_SAT_ZERO = ac_o_mode::sat_zero;
constexpr ac_o_mode AC_SAT_SYM = ac_o_mode::sat_sym;

template <int W, bool S = true> class ac_int;
template <int W, int I, bool S = true, ac_q_mode Q = AC_TRN, ac_o_mode O = AC_WRAP> class ac_fixed;

namespace bitkiln {

struct ac {
  template <int W, bool S> using integer = ac_int<W, S>;
  template <int W, int I, bool S> using fixed = ac_fixed<W, I, S>;
  // to_int() and to_ac_int() go to minus infinity, unlike ap_fixed's.
  static constexpr rounding integer_part = rounding::trn;
  // A fixed-point number becomes an integer only by to_ac_int().
  template <kind From, kind To>
  static constexpr bool converts = From == kind::integer || To == kind::fixed;
  // All numbers compare by value.
  template <class A, class B> struct compared {
    using equality = typename formats<A, B>::common;
    using order = equality;
  };
};

// What ac_int and ac_fixed share.
template <class Self, kind K, int W, int I, bool S, rounding Q, overflow O>
class ac_number : public number<ac, K, W, I, S, Q, O, 0> {
  using base = number<ac, K, W, I, S, Q, O, 0>;

public:
  static constexpr int width = W;
  static constexpr int i_width = I;
  static constexpr bool sign = S;
  using base::base;
  constexpr ac_number() = default;

  // Bits `low` to `low + Count - 1`, read with the number's own signedness.
  template <int Count> constexpr ac_int<Count, S> slc(int low) const {
    return from_bits<ac_int<Count, S>>(get_bits(*this, low, Count));
  }
  template <int Count, bool Sign> Self &set_slc(int low, const ac_int<Count, Sign> &bits) {
    put_bits(*this, low, Count, bits.code());
    return self();
  }

  bit_reference<Self> operator[](int index) { return {self(), index}; }
  constexpr bool operator[](int index) const { return get_bits(*this, index, 1) != 0; }

  // Every bit inverted; an unsigned number gains a sign bit, unlike ap_fixed's.
  constexpr auto operator~() const {
    using F = bitkiln::format<W + (S ? 0 : 1), I + (S ? 0 : 1), true>;
    using R = typename named<ac, K == kind::integer, F>::type;
    return from_bits<R>(~static_cast<typename F::bits>(this->code()));
  }

private:
  Self &self() { return static_cast<Self &>(*this); }
};

// Integers of up to 64 bits read as native ones without being asked.
template <class Self, class Native, bool Narrow> class ac_native {};
template <class Self, class Native> class ac_native<Self, Native, true> {
public:
  constexpr operator Native() const {
    return static_cast<Native>(static_cast<const Self &>(*this).code());
  }
};

} // namespace bitkiln

template <int W, bool S>
class ac_int
    : public bitkiln::ac_number<ac_int<W, S>, bitkiln::kind::integer, W, W, S, AC_TRN_ZERO,
                                AC_WRAP>,
      public bitkiln::ac_native<ac_int<W, S>, std::conditional_t<S, long long, unsigned long long>,
                                (W <= 64)> {
  using base = bitkiln::ac_number<ac_int, bitkiln::kind::integer, W, W, S, AC_TRN_ZERO, AC_WRAP>;

public:
  using base::base;
  constexpr ac_int() = default;
};

#endif
