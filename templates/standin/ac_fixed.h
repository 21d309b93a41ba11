// ac_fixed<W, I, S, Q, O> for C simulation. Shipped by Bitkiln; see bitkiln_fixed.h.
#ifndef BITKILN_AC_FIXED_H
#define BITKILN_AC_FIXED_H

#include "ac_int.h"

template <int W, int I, bool S, ac_q_mode Q, ac_o_mode O>
class ac_fixed
    : public bitkiln::ac_number<ac_fixed<W, I, S, Q, O>, bitkiln::kind::fixed, W, I, S, Q, O> {
  using base = bitkiln::ac_number<ac_fixed, bitkiln::kind::fixed, W, I, S, Q, O>;

public:
  static constexpr ac_q_mode q_mode = Q;
  static constexpr ac_o_mode o_mode = O;
  using base::base;
  constexpr ac_fixed() = default;

  constexpr ac_int<(I > 1 ? I : 1), S> to_ac_int() const {
    constexpr int whole = I > 1 ? I : 1;
    const ac_fixed<whole, whole, S> part = *this;
    return part.template slc<whole>(0);
  }
};

#endif
