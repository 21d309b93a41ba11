//! Processes side by side: the depths of FIFOs are enough, and the least ones are the least.

use std::fs;

use bitkiln::back::{Depths, NetworkTest, Tool, VerifyError, WriteOptions, write};
use bitkiln::config::IoType;
use bitkiln::ir::{Concat, Elementwise, Gather, Graph, NodeId, Pool, PoolKind, Window};
use tempfile::TempDir;

use crate::networks::*;
use crate::vendors;

/// A window of 3 x 3 taps over an image of `size` x `size` pixels, which keeps its size.
fn same(size: usize) -> Window {
    let window = Window::whole([size, size]);
    Window { kernel: [3, 3], pad_before: [1, 1], output: [size, size], ..window }
}

fn conv(graph: &mut Graph, name: &str, from: NodeId, size: usize) -> NodeId {
    let channels = graph[from].tensor.channel_count();
    let conv = add_conv(graph, name, from, (same(size), channels.min(2), 2));
    add_cast(graph, &format!("{name}_cast"), conv, "fixed<5,2,RND,SAT>")
}

/// Every pixel of an image of `size` x `size` pixels twice in each direction.
fn upsampled(graph: &mut Graph, name: &str, from: NodeId, size: usize) -> NodeId {
    let channels = graph[from].tensor.channel_count();
    let index = |n: usize| {
        let (pixel, channel) = (n / channels, n % channels);
        let (row, column) = (pixel / (2 * size), pixel % (2 * size));
        Some((row / 2 * size + column / 2) * channels + channel)
    };
    let shape = vec![2 * size, 2 * size, channels];
    let indices = (0..shape.iter().product()).map(index).collect();
    graph.add(name, Gather { shape, indices }, &[from]).unwrap()
}

/// The largest of 2 x 2 pixels.
fn pooled(graph: &mut Graph, name: &str, from: NodeId, size: usize) -> NodeId {
    let half = [size / 2, size / 2];
    let window =
        Window { kernel: [2, 2], stride: [2, 2], output: half, ..Window::whole([size, size]) };
    graph.add(name, Pool { window, kind: PoolKind::Max }, &[from]).unwrap()
}

/// An image of `size` x `size` pixels, and the network that `layers` make of it.
fn network(name: &str, size: usize, layers: impl Fn(&mut Graph, NodeId) -> NodeId) -> Network {
    let mut graph = Graph::new(name);
    let x = graph.add_input("image", vec![size, size, 2], format("fixed<5,2>"));
    let y = layers(&mut graph, x);
    graph.add_output("y", y);
    let mut network = Network::new(graph, 5, 22);
    network.options.io = IoType::Stream;
    network
}

/// A block with a skip connection.
fn residual() -> Network {
    network("residual", 6, |graph, x| {
        let y = conv(graph, "conv1", x, 6);
        let y = conv(graph, "conv2", y, 6);
        graph.add("merge", Elementwise::Add, &[y, x]).unwrap()
    })
}

/// Two resolutions that exchange results.
fn two_resolutions() -> Network {
    network("octave", 8, |graph, high| {
        let low = pooled(graph, "down1", high, 8);
        let (high, low) = (conv(graph, "high1", high, 8), conv(graph, "low1", low, 4));
        let up = upsampled(graph, "up1", low, 4);
        let down = pooled(graph, "down2", high, 8);
        let high = graph.add("to_high", Elementwise::Add, &[high, up]).unwrap();
        let low = graph.add("to_low", Elementwise::Add, &[low, down]).unwrap();
        let low = conv(graph, "low2", low, 4);
        let low = upsampled(graph, "up2", low, 4);
        graph.add("last", Elementwise::Maximum, &[high, low]).unwrap()
    })
}

/// Skip connections over two levels of smaller images.
fn unet() -> Network {
    network("unet", 8, |graph, x| {
        let first = conv(graph, "down1", x, 8);
        let y = pooled(graph, "pool1", first, 8);
        let second = conv(graph, "down2", y, 4);
        let y = pooled(graph, "pool2", second, 4);
        let y = conv(graph, "bottom", y, 2);
        let y = upsampled(graph, "scale2", y, 2);
        let y = graph.add("join2", Concat { axis: 2 }, &[y, second]).unwrap();
        let y = conv(graph, "up2", y, 4);
        let y = upsampled(graph, "scale1", y, 4);
        let y = graph.add("join1", Concat { axis: 2 }, &[y, first]).unwrap();
        conv(graph, "up1", y, 8)
    })
}

/// A branch of two convolutions, and one of none.
fn unequal_branches() -> Network {
    network("branches", 5, |graph, x| {
        let long = conv(graph, "long1", x, 5);
        let long = conv(graph, "long2", long, 5);
        let long = conv(graph, "long3", long, 5);
        let short = conv(graph, "short", x, 5);
        let direct = add_cast(graph, "direct", x, "fixed<4,2,RND,SAT>");
        graph.add("sum", Elementwise::Add, &[long, short, direct]).unwrap()
    })
}

fn project(network: &Network, backend: Tool) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let design = network.design(backend);
    write(&design, backend, &network.vectors, folder.path(), &WriteOptions::default()).unwrap();
    assert_eq!(vendors::check(folder.path()).unwrap(), [""; 0]);
    folder
}

/// At the depths of the project and at the least ones the C++ finishes with equal outputs; one slot
/// less in any channel, and it deadlocks as the model does.
fn assert_least(network: &Network, backend: Tool) -> usize {
    let project = project(network, backend);
    let test = NetworkTest::compile(project.path()).unwrap();
    let samples = test.manifest().samples;
    for depths in [Depths::Project, Depths::Least] {
        let run = test.run(&depths, samples).unwrap_or_else(|error| panic!("{depths}: {error}"));
        assert_eq!(run.mismatches, 0, "{depths}: {:?}", run.details);
        assert_eq!(run.compared, test.manifest().values(samples));
    }
    let model = network.design(backend).network.unwrap();
    let least: Vec<u64> = test.manifest().streams.iter().map(|it| it.least_depth).collect();
    for (position, stream) in test.manifest().streams.iter().enumerate() {
        let mut fewer = least.clone();
        fewer[position] -= 1;
        let bounded: Vec<Option<u64>> = fewer.iter().copied().map(Some).collect();
        let expected = model.run(&bounded, 1).unwrap_err().to_string();
        match test.run(&Depths::Given(fewer), 1) {
            Err(VerifyError::Deadlock { cycle, .. }) => {
                assert_eq!(cycle, expected, "{}", stream.name);
                let slot = format!("waits for a slot of '{}'", stream.name);
                assert!(cycle.contains(&slot), "{}: {cycle}", stream.name);
            }
            other => panic!("{}: {other:?}", stream.name),
        }
    }
    least.iter().filter(|least| **least > 1).count()
}

#[test]
fn residual_networks_need_their_least_depths() {
    assert!(assert_least(&residual(), Tool::Vitis) >= 1);
}

#[test]
fn two_resolutions_need_their_least_depths() {
    assert!(assert_least(&two_resolutions(), Tool::Catapult) >= 2);
}

#[test]
fn skips_over_smaller_images_need_their_least_depths() {
    assert!(assert_least(&unet(), Tool::Vitis) >= 2);
}

#[test]
fn branches_of_unequal_depth_need_their_least_depths() {
    assert!(assert_least(&unequal_branches(), Tool::Catapult) >= 2);
}

/// A skip connection that is too shallow is named, by `verify` as well.
#[test]
fn a_deadlock_names_its_processes() {
    let project = project(&residual(), Tool::Vitis);
    let path = project.path().join("bitkiln.json");
    let text = fs::read_to_string(&path).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    let streams = manifest["streams"].as_array_mut().unwrap();
    let skip = streams.iter_mut().find(|stream| stream["name"] == "image_copy_2").unwrap();
    let least = skip["least_depth"].as_u64().unwrap();
    skip["least_depth"] = (least - 1).into();
    fs::write(&path, manifest.to_string()).unwrap();
    let error = bitkiln::back::verify(project.path(), bitkiln::back::Headers::Builtin);
    let error = error.unwrap_err().to_string();
    let expected = "with FIFOs at the least depths: deadlock: 'image_fork' waits for a slot of \
                    'image_copy_2', 'merge' waits for a token of 'conv2_cast_out'";
    assert!(error.starts_with(expected), "{error}");
}

/// A process that reads and writes otherwise than the model is found, with the first difference.
#[test]
fn another_order_of_tokens_is_found() {
    let folder = project(&residual(), Tool::Vitis);
    let path = folder.path().join("firmware/residual.cpp");
    let text = fs::read_to_string(&path).unwrap();
    for (from, to, difference) in [
        (
            "if (y >= 1 && x >= 1) {",
            "if (y >= 1) {",
            "process 'conv1', frame 0, access 7: it writes 'conv1_out', its schedule reads \
             'image_copy'",
        ),
        (
            "const image_token token = input.read();\n",
            "const image_token token = input.read();\n        if (n == 35) break;\n",
            "process 'image_fork', frame 0, access 106: it ends, its schedule writes 'image_copy'",
        ),
    ] {
        assert!(text.contains(from), "{text}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let error = NetworkTest::compile(folder.path()).unwrap();
        let error = error.run(&Depths::Project, 2).unwrap_err().to_string();
        assert_eq!(error, difference);
    }
}

#[test]
fn manifests_of_other_networks_are_refused() {
    let folder = project(&residual(), Tool::Vitis);
    let path = folder.path().join("bitkiln.json");
    let text = fs::read_to_string(&path).unwrap();
    for (from, to, complaint) in [
        ("\"name\": \"merge\"", "\"name\": \"m;e\"", "'m;e' is no process"),
        ("\"name\": \"conv1_out\"", "\"name\": \"conv(1)\"", "'conv(1)' of 'conv1_token' is no"),
        ("<image_copy_2", "<image_copy_3", "process 'merge': there is no stream 'image_copy_3'"),
        ("36 <image ", "x <image ", "process 'image_fork': 'x' is no number of iterations"),
    ] {
        assert!(text.contains(from), "{from}: {text}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let error = NetworkTest::compile(folder.path()).err().unwrap().to_string();
        assert!(error.contains(complaint), "{error}");
    }
}
