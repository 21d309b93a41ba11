// A stand-in for the part of AMD's hls_stream.h that generated projects use: streams without a
// limit, for processes that run one after the other.
#ifndef HLS_STREAM_H
#define HLS_STREAM_H

#include "bitkiln_stream.h"

namespace hls {

template <class T> class stream : public bitkiln::Stream<T> {
  public:
    stream() {}
    explicit stream(const char *) {}
};

} // namespace hls

#endif
