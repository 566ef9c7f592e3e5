//! `/apis` and `/apis/GROUP`, made of the APIServices that exist now.
//!
//! Go: kube-aggregator/pkg/apiserver/handler_apis.go

use std::sync::Arc;

use apimachinery::runtime::object::Object;
use apiserver::{
    endpoints::{
        codec::Codec,
        discovery::{self, group::APIGroup, root},
    },
    request::{
        context::Context,
        handler::{Handler, Response},
    },
};
use client::cache::store::Store;
use phase::BoxFuture;

use crate::apiservice::{self, sorted_by_group_and_version};

/// Answers `/apis`.
///
/// Go: apisHandler
pub struct ApisHandler {
    /// The APIServices.
    pub lister: Arc<Store>,
    /// Writes the document.
    pub codec: Arc<dyn Codec>,
}

/// Answers `/apis/GROUP`.
///
/// Go: apiGroupHandler
pub struct ApiGroupHandler {
    /// The group.
    pub group: String,
    /// The APIServices.
    pub lister: Arc<Store>,
    /// Writes the document.
    pub codec: Arc<dyn Codec>,
    /// Who may know the group when no APIService does.
    pub delegate: Arc<dyn Handler>,
}

impl Handler for ApisHandler {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            // There is no APIService for the group of APIServices; it comes first.
            let mut groups = vec![APIGroup { name: apiservice::GROUP.to_owned(), versions: vec!["v1".to_owned()] }];
            let sorted = sorted_by_group_and_version(self.lister.list());
            // Core is no group among the others: it has `/api`.
            groups.extend(sorted.iter().map(|group| discovered(group)).filter(|group| !group.name.is_empty()));
            discovery::negotiated(&*self.codec, cx, &root::api_group_list(&groups)).await
        })
    }
}

impl Handler for ApiGroupHandler {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            let services = self.lister.list();
            let of_group = services.into_iter().filter(|one| one.str(&["spec", "group"]) == self.group).collect();
            match sorted_by_group_and_version(of_group).first() {
                Some(group) => {
                    let document = discovered(group).to_object();
                    discovery::negotiated(&*self.codec, cx, &document).await
                }
                None => self.delegate.serve(cx).await,
            }
        })
    }
}

/// A group is listed with all its versions, whether they can be reached or not.
///
/// Go: convertToDiscoveryAPIGroup
fn discovered(group: &[Arc<Object>]) -> APIGroup {
    let versions = group.iter().map(|service| service.str(&["spec", "version"]).to_owned()).collect();
    APIGroup { name: group[0].str(&["spec", "group"]).to_owned(), versions }
}
