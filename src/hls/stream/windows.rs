//! The kernels of a process with windows: one for all windows, one for each phase, or one with the
//! weights of all phases in a memory.

use super::computation::{Calls, Computation};
use super::form::{JoinedPhases, WindowPosition};
use super::{Builder, LineBuffer, ProcessForm, WindowKernel};
use crate::hls::plan::{Positions, Sharing};
use crate::hls::{EdgeId, HlsError, KernelId, TypeId};
use crate::ir::NodeId;

/// The node of a process with windows.
#[derive(Clone, Copy)]
pub(super) struct WindowsOf<'a> {
    pub(super) id: NodeId,
    /// The C++ name of the node.
    pub(super) stem: &'a str,
    pub(super) inputs: &'a [EdgeId],
    /// The p for which every element of the operand is ± 2^p, both occurring.
    pub(super) sign_power: Option<i32>,
}

impl Builder<'_> {
    /// The computation of a node at the windows of `lines`, which have no kernel so far, and the type
    /// of its result.
    ///
    /// Phases take turns. They share one kernel with their weights in a memory where that has the
    /// fewest additions, or a reuse factor asks for it; else each has a kernel of its own, with
    /// constant weights.
    pub(super) fn windows(
        &mut self,
        of: WindowsOf<'_>,
        mut lines: LineBuffer,
        phases: Vec<WindowPosition>,
        joined: Option<JoinedPhases>,
    ) -> Result<(Computation, TypeId), HlsError> {
        let [height, width] = lines.grid();
        let count = lines.windows();
        let copies = lines.group.windows as u64;
        let idle = (height * width - count) as u64;
        let positions = Positions { count: count as u64, idle, copies };
        let sharing = joined.as_ref().map(|joined| self.sharing_of_phases(of, joined, positions));
        let number = phases.len();
        let element = match (sharing, joined) {
            (Some(sharing), Some(JoinedPhases { matrices, taps, position }))
                if sharing.is_stored =>
            {
                let phases = Some(matrices);
                let (count, sharing) = (count as u64, Some(sharing));
                let calls = Calls { positions, count, sharing, phases, in_memory: false };
                let names = (of.stem, "window");
                let (kernel, element) =
                    self.kernel(of.id, names, position, of.inputs, (calls, of.sign_power))?;
                lines.kernels.push(WindowKernel { steps: [0, 0], taps, kernel });
                element
            }
            _ => self.kernel_of_each(of, &mut lines, phases, (positions, sharing))?,
        };
        if number > 1 && lines.turns.is_none() {
            self.name_phases(&lines, number);
        }
        let slowest = lines.kernels.iter().map(|it| it.kernel).max_by_key(|kernel| {
            let kernel = &self.kernels[kernel.0];
            let operand = self.edges[kernel.inputs[0].0].len();
            (kernel.plan.initiation_interval, operand)
        });
        let width = self.parts.types[lines.element.0].quantization.format.width();
        let line_bits = lines.elements() as u64 * u64::from(width);
        let steps = lines.kernels.iter().map(|it| self.step_bits(it.kernel));
        let state_bits = line_bits + steps.sum::<u64>();
        let form = ProcessForm::Windows(lines);
        Ok((Computation { form, kernel: slowest, state_bits }, element))
    }

    /// Adds a kernel for each of `phases` to `lines`. Without any, pixels keep their type.
    fn kernel_of_each(
        &mut self,
        of: WindowsOf<'_>,
        lines: &mut LineBuffer,
        phases: Vec<WindowPosition>,
        (positions, sharing): (Positions, Option<Sharing>),
    ) -> Result<TypeId, HlsError> {
        let mut element = lines.element;
        for (number, phase) in phases.into_iter().enumerate() {
            let WindowPosition { steps, taps, windows, position } = phase;
            let stem = match sharing {
                Some(_) => format!("{}_phase_{}", of.stem, number + 1),
                None => of.stem.to_owned(),
            };
            let calls =
                Calls { positions, count: windows as u64, sharing, phases: None, in_memory: false };
            let names = (stem.as_str(), "window");
            let (kernel, own) =
                self.kernel(of.id, names, position, of.inputs, (calls, of.sign_power))?;
            element = if number == 0 { own } else { element };
            lines.kernels.push(WindowKernel { steps, taps, kernel });
        }
        Ok(element)
    }

    /// The sharing of the arithmetic of several phases, which take turns.
    fn sharing_of_phases(
        &mut self,
        of: WindowsOf<'_>,
        joined: &JoinedPhases,
        positions: Positions,
    ) -> Sharing {
        let JoinedPhases { matrices, position, .. } = joined;
        let layer = &position.node.layer;
        let (strategy, pace) = (self.options.strategy_of(layer), self.options.pace_of(layer));
        let (x, result) = (&position.operands[0].tensor, position.node.tensor.format);
        let matrix = matrices.matrix(x, of.sign_power, (result, self.options));
        let sharing = Sharing::new(&matrix, strategy, pace, positions);
        self.parts.warn_of_reuse_factor(layer, pace, sharing.reuse_factor(), matrices.shape());
        sharing
    }

    /// Says in the hardware of the kernels of `lines` that they compute so many phases.
    fn name_phases(&mut self, lines: &LineBuffer, phases: usize) {
        let kernels: Vec<KernelId> = lines.kernels.iter().map(|it| it.kernel).collect();
        let mut forms: Vec<&str> = Vec::new();
        for form in kernels.iter().flat_map(|id| &self.kernels[id.0].cost.hardware) {
            if !forms.contains(&form.as_str()) {
                forms.push(form);
            }
        }
        let hardware = vec![format!("{phases} phases of {}", forms.join(" and "))];
        for id in kernels {
            self.kernels[id.0].cost.hardware.clone_from(&hardware);
        }
    }
}
