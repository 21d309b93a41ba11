// {{ cx.title() }}: {{ steps }} steps, each from the states of the one before.
{{ cx.signature() }} {
{%- if stateful %}
static bool is_started = false;
{{ cx.at_static("is_started") }}
{%- endif %}
{%- for state in states %}
{{ self.declare(state) }}
{%- endfor %}
{%- for start in starts %}
{{ self.read(start) }}
{%- endfor %}
{%- if stateful %}
if (reset || !is_started) {
{%- endif %}
{%- for state in states %}
{{ cx.before_unrolled() }}{{ state.now.name }}_start: for (int c = 0; c < {{ state.now.len }}; c++) {
{{ cx.in_unrolled() }}
{{ state.now.name }}[c] = {{ state.start }};
}
{%- endfor %}
{%- if stateful %}
}
is_started = true;
{%- endif %}
{%- if last %}
{{ cx.token(cx.output(), "result") }}
{%- endif %}
{{ cx.before_tokens() }}steps: for (int n = 0; n < {{ steps }}; n++) {
{{ cx.in_tokens() }}
{%- for row in rows %}
{{ self.read(row.port) }}
{{ cx.declare(row.array) }}
{{ cx.before_unrolled() }}{{ row.array.name }}_lanes: for (int c = 0; c < {{ row.array.len }}; c++) {
{{ cx.in_unrolled() }}
{{ row.array.name }}[c] = {{ row.port.word }}.lanes[c];
}
{%- endfor %}
{%- for kernel in kernels %}
{{ cx.declare(kernel.output) }}
{%- if let Some(folds) = kernel.folds %}
{%- if let Some(sums) = folds.sums %}
{{ cx.registers(sums.ty, sums.name, sums.len) }}
{%- endif %}
{
{{ cx.counters(folds) }}
{{ cx.before_steps() }}{{ kernel.name }}_tiles: for (int tile = 0; tile < {{ folds.count() }}; tile++) {
{{ cx.in_steps() }}
{{ kernel.name }}({{ kernel.arguments }});
{{ folds.advance() }}
}
}
{%- else %}
{{ kernel.name }}({{ kernel.arguments }});
{%- endif %}
{%- endfor %}
{%- if !last %}
{{ cx.token(cx.output(), "result") }}
{%- endif %}
{{ cx.before_unrolled() }}lanes: for (int c = 0; c < {{ result.len }}; c++) {
{{ cx.in_unrolled() }}
result.lanes[c] = {{ result.name }}[c];
}
{%- if !last %}
{{ cx.write(cx.output(), "result") }}
{%- endif %}
{%- for state in states %}
{{ cx.before_unrolled() }}{{ state.now.name }}_kept: for (int c = 0; c < {{ state.now.len }}; c++) {
{{ cx.in_unrolled() }}
{{ state.now.name }}[c] = {{ state.next.name }}[c];
}
{%- endfor %}
}
{%- if last %}
{{ cx.write(cx.output(), "result") }}
{%- endif %}
}
