//! A pipeline as a graph: the inbox, its steps in order, and where files go.

use crate::http::view::words;
use crate::pipeline::checked::{Pipeline, Step};
use crate::raw_path::RawPath;
use schemars::JsonSchema;
use serde::Serialize;

/// A pipeline as a graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GraphView {
    /// In the order in which files meet them.
    pub nodes: Vec<NodeView>,
    /// From node to node.
    pub edges: Vec<EdgeView>,
}

/// One node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeView {
    /// Unique in the graph; of a step `step:` and its id.
    pub id: String,
    /// What it is.
    #[schemars(with = "words::NodeKind")]
    pub kind: &'static str,
    /// A folder, or a step's id.
    pub label: String,
    /// A step's `plugin/operation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uses: Option<String>,
    /// A step's condition; the file goes by where it is false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Whether the job goes on without a step that fails.
    pub continue_on_error: bool,
}

/// One edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EdgeView {
    /// A node's id.
    pub from: String,
    /// A node's id.
    pub to: String,
    /// When a file goes this way; absent where it always does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<&'static str>,
}

impl GraphView {
    /// A pipeline as a graph.
    #[must_use]
    pub fn new(pipeline: &Pipeline) -> Self {
        let place = |kind: &'static str, label: String| NodeView {
            id: kind.to_owned(),
            kind,
            label,
            ..NodeView::default()
        };
        let folder = |path: &std::path::Path| RawPath::from(path).encode();
        let mut nodes = vec![place("watch", folder(&pipeline.watch.folder))];
        nodes.extend(pipeline.steps.iter().map(NodeView::of_step));
        nodes.push(place("output", pipeline.output.folder.clone()));
        let on_the_way: Vec<&NodeView> = nodes.iter().collect();
        let mut edges: Vec<EdgeView> = on_the_way
            .windows(2)
            .map(|pair| edge(&pair[0].id, &pair[1].id, None))
            .collect();
        edges.extend(
            nodes
                .iter()
                .filter(|node| node.kind == "step" && !node.continue_on_error)
                .map(|node| edge(&node.id, "failed", Some("on failure"))),
        );
        nodes.push(place("failed", folder(&pipeline.failed)));
        Self { nodes, edges }
    }
}

impl NodeView {
    fn of_step(step: &Step) -> Self {
        Self {
            id: format!("step:{}", step.id),
            kind: "step",
            label: step.id.clone(),
            uses: Some(step.uses()),
            condition: step.condition.clone(),
            continue_on_error: step.continue_on_error,
        }
    }
}

fn edge(from: &str, to: &str, label: Option<&'static str>) -> EdgeView {
    EdgeView {
        from: from.to_owned(),
        to: to.to_owned(),
        label,
    }
}
