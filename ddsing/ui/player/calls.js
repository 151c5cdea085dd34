// The calls of a component's script: Streamlit makes one whenever the component's data change.

const instances = new WeakMap(); // what a component keeps from one call to the next, by its place in the document

// What a call returns: `end` is done once the component is taken away. While the script is still being read, a later call
// can overtake an earlier one, which Streamlit then ends after the later has begun: that must take nothing away from it.
function ending(self, end) {
  const call = {};
  self.call = call;
  return () => {
    if (self.call === call) end();
  };
}
