// How weights and tables are kept.
#ifndef {{ guard }}
#define {{ guard }}

// Synthesis sees plain arrays. In C simulation the same numbers are converted in a loop, since a
// constructor call for each of some thousands takes a compiler half a minute.
#ifndef __SYNTHESIS__
#include <initializer_list>

namespace bitkiln {

template <class T, int N> struct Constants {
    T values[N];

    Constants(std::initializer_list<double> list) {
        int n = 0;
        for (const double *value = list.begin(); value != list.end(); value++) {
            values[n++] = *value;
        }
    }

    const T &operator[](int n) const { return values[n]; }
};

} // namespace bitkiln
#endif

#endif
