// Declaration of weights and tables.
#ifndef {{ guard }}
#define {{ guard }}

// Synthesis sees plain arrays. C simulation converts the same numbers in a loop, because a constructor
// call for each of 100000 numbers takes g++ a minute.
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
