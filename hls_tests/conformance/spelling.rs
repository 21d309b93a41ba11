//! Users' code compiles without warnings against the stand-ins, and prints the same.

use bitkiln::back::standin;

use crate::program::{Program, run_all};
use crate::vendor::{Headers, REPOSITORY, Vendor};

fn same(vendor: Vendor, header: &'static str) {
    let program =
        [Program { vendor, header, body: "  spelling();\n".into(), input: String::new() }];
    let [real, stand_in] = [Headers::Real, Headers::StandIn].map(|h| run_all(&program, h));
    assert_eq!(real, stand_in);
    assert!(real[0].len() > 4);
}

#[test]
fn of_ap() {
    same(Vendor::Ap, "spelling_ap.h");
}

#[test]
fn of_ac() {
    same(Vendor::Ac, "spelling_ac.h");
}

#[test]
fn every_stand_in_ships() {
    let folder = std::path::Path::new(REPOSITORY).join("templates/standin");
    let mut there: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut shipped: Vec<_> = standin::FILES.iter().map(|(name, _)| name.to_string()).collect();
    there.sort();
    shipped.sort();
    assert_eq!(there, shipped);
}
