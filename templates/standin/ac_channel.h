// A stand-in for the part of Siemens' ac_channel.h that generated projects use: channels without a
// limit, for processes that run one after the other.
#ifndef AC_CHANNEL_H
#define AC_CHANNEL_H

#include "bitkiln_stream.h"

template <class T> class ac_channel : public bitkiln::Stream<T> {};

#endif
