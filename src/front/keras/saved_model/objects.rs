//! The objects of a checkpoint, and the variables that they own.
//!
//! The object of a model has a child `layer-N` for each layer, numbered as `model.layers`. A layer has
//! a child for each variable, named after its attribute, and in a SavedModel with traces a child
//! `variables`, the list of its variables in order.
//! (`trackable_object_graph.proto` of TensorFlow.)

use std::collections::HashMap;

use super::bundle::Bundle;
use super::protobuf::Message;
use crate::front::error::Problem;

/// Tensor that holds the graph of objects.
const GRAPH: &str = "_CHECKPOINTABLE_OBJECT_GRAPH";

/// The objects, the outermost model first.
pub(in crate::front::keras) struct Objects(Vec<Node>);

struct Node {
    /// Indices of other objects by the name of an attribute.
    children: HashMap<String, usize>,
    /// Name in the model, `fc/kernel`, and name of the tensor.
    variable: Option<(String, String)>,
}

/// One object.
#[derive(Clone, Copy)]
pub(in crate::front::keras) struct Object<'a> {
    all: &'a Objects,
    at: usize,
}

impl Objects {
    pub(super) fn read(bundle: &Bundle) -> Result<Self, Problem> {
        let damaged = || Problem::Damaged("has no graph of objects".to_owned());
        let graph = bundle.tensor(GRAPH)?.ok_or_else(damaged)?;
        let graph = Message::parse(graph.only_string().ok_or_else(damaged)?)?;
        Ok(Self(graph.messages(1).map(|node| Node::read(&node?)).collect::<Result<_, _>>()?))
    }

    /// Returns the outermost model.
    pub(in crate::front::keras) fn root(&self) -> Object<'_> {
        Object { all: self, at: 0 }
    }
}

impl Node {
    fn read(message: &Message<'_>) -> Result<Self, Problem> {
        let mut children = HashMap::new();
        for child in message.messages(1) {
            let child = child?;
            children.insert(child.text(2)?.unwrap_or_default().to_owned(), child.size(1)?);
        }
        let mut variable = None;
        for tensor in message.messages(2) {
            let tensor = tensor?;
            if tensor.text(1)? == Some("VARIABLE_VALUE") {
                let text =
                    |field| tensor.text(field).map(|text| text.unwrap_or_default().to_owned());
                variable = Some((text(2)?, text(3)?));
            }
        }
        Ok(Self { children, variable })
    }
}

impl<'a> Object<'a> {
    fn node(self) -> Option<&'a Node> {
        self.all.0.get(self.at)
    }

    /// Returns the object of an attribute.
    pub(in crate::front::keras) fn child(self, name: &str) -> Option<Self> {
        let at = *self.node()?.children.get(name)?;
        Some(Self { at, ..self })
    }

    /// Returns the layer at an index of `model.layers`.
    pub(in crate::front::keras) fn layer(self, index: usize) -> Option<Self> {
        self.child(&format!("layer-{index}"))
    }

    /// Returns name and tensor of each variable of a layer, in order; `None` without a list.
    pub(in crate::front::keras) fn variables(self) -> Option<Vec<(&'a str, &'a str)>> {
        let list = self.child("variables")?;
        let variable = |at: usize| list.child(&at.to_string())?.variable();
        Some((0..).map_while(variable).collect())
    }

    /// Returns attribute and tensor of each variable that is an attribute, by name.
    pub(in crate::front::keras) fn attributes(self) -> Vec<(&'a str, &'a str)> {
        let children = self.node().into_iter().flat_map(|node| &node.children);
        let tensor = |(name, &at): (&'a String, &usize)| {
            let (_, tensor) = Self { at, ..self }.variable()?;
            Some((name.as_str(), tensor))
        };
        let mut attributes: Vec<_> = children.filter_map(tensor).collect();
        attributes.sort_unstable();
        attributes
    }

    fn variable(self) -> Option<(&'a str, &'a str)> {
        let (name, tensor) = self.node()?.variable.as_ref()?;
        Some((name, tensor))
    }
}
