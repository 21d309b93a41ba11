//! Synthesis declares weights as plain arrays, C simulation as a class that compiles faster: the
//! declarations that synthesis sees compile and compute the same.

use super::{Outcome, build, text};

#[test]
fn weights_as_synthesis_declares_them() -> Outcome {
    for (case, file) in [("net_mlp_softmax", "model.h5"), ("conv2d_valid", "model.h5")] {
        // The open ap_types refuse to be synthesised.
        for (backend, headers) in
            [("vitis", &["builtin"][..]), ("catapult", &["builtin", "vendor"])]
        {
            let folder = tempfile::tempdir()?;
            let project = folder.path().join("prj");
            let built = build(case, file, &project, &["--backend", backend])?;
            assert!(built.status.success(), "{}", text(&built));
            for headers in headers {
                let mut command =
                    assert_cmd::Command::new(assert_cmd::cargo::cargo_bin!("bitkiln"));
                // ac_int.h calls functions of Catapult's compiler unless it is told not to.
                command.env("CXX", "g++ -D__SYNTHESIS__ -DAC_IGNORE_BUILTINS");
                command.arg("verify").arg(&project).args(["--headers", headers]);
                let output = command.output()?;
                let printed = text(&output);
                assert!(output.status.success(), "{case}, {backend}, {headers}: {printed}");
                assert!(printed.contains(" 0 mismatches"), "{printed}");
            }
        }
    }
    Ok(())
}
