// ap_fixed<W, I, Q, O, N> and ap_ufixed for C simulation. Shipped by Bitkiln; see bitkiln_fixed.h.
#ifndef BITKILN_AP_FIXED_H
#define BITKILN_AP_FIXED_H

#include "ap_int.h"

namespace bitkiln {

// Fixed-point numbers become native ones only where a cast asks for it.
template <class Self, int W, int I, bool S, rounding Q, overflow O, int N>
class ap_real : public ap_number<Self, kind::fixed, W, I, S, Q, O, N> {
  using base = ap_number<Self, kind::fixed, W, I, S, Q, O, N>;

public:
  using base::base;
  constexpr ap_real() = default;
  explicit operator double() const { return this->to_double(); }
  explicit operator float() const { return this->to_float(); }
  explicit constexpr operator bool() const { return this->code() != 0; }
  template <class T, class = std::enable_if_t<std::is_integral_v<T>>>
  explicit constexpr operator T() const {
    return this->template to<T>();
  }
};

} // namespace bitkiln

template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
class ap_fixed : public bitkiln::ap_real<ap_fixed<W, I, Q, O, N>, W, I, true, Q, O, N> {
public:
  using bitkiln::ap_real<ap_fixed<W, I, Q, O, N>, W, I, true, Q, O, N>::ap_real;
  constexpr ap_fixed() = default;
};

template <int W, int I, ap_q_mode Q, ap_o_mode O, int N>
class ap_ufixed : public bitkiln::ap_real<ap_ufixed<W, I, Q, O, N>, W, I, false, Q, O, N> {
public:
  using bitkiln::ap_real<ap_ufixed<W, I, Q, O, N>, W, I, false, Q, O, N>::ap_real;
  constexpr ap_ufixed() = default;
};

#endif
