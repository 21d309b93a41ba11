// Moves the first BY of LENGTH values behind the others.
template <int LENGTH, int BY, class T> static void rotate(T values[]) {
{{ self.inlined() }}
{{ self.first() }}
{{ self.before_unrolled() }}firsts: for (int n = 0; n < BY; n++) {
{{ self.inside_unrolled() }}
first[n] = values[n];
}
{{ self.before_unrolled() }}others: for (int n = BY; n < LENGTH; n++) {
{{ self.inside_unrolled() }}
values[n - BY] = values[n];
}
{{ self.before_unrolled() }}lasts: for (int n = 0; n < BY; n++) {
{{ self.inside_unrolled() }}
values[LENGTH - BY + n] = first[n];
}
}
